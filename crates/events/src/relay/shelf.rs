//! The relay's side of the stream: appending, noticing a loss, trimming (EB-3, EB-6).

use fault::{Fault, Result};
use redis::{Arg, Group, Script};
use serde_json::json;

use super::Relay;
use crate::FIELD;

/// The id before all ids.
pub(super) const NONE: &str = "0-0";

/// Appends `ARGV[3..]` as field `ARGV[2]` unless the stream is older than `ARGV[1]`; returns whether it was not, and its
/// last id.
static APPEND: Script = Script::new(
    r"
    local last = '0-0'
    if redis.call('EXISTS', KEYS[1]) == 1 then
      local info = redis.call('XINFO', 'STREAM', KEYS[1])
      for i = 1, #info, 2 do
        if info[i] == 'last-generated-id' then last = info[i + 1] end
      end
    end
    local function parts(id)
      local ms, n = string.match(id, '^(%d+)-(%d+)$')
      return tonumber(ms), tonumber(n)
    end
    local known_ms, known_n = parts(ARGV[1])
    local last_ms, last_n = parts(last)
    if last_ms < known_ms or (last_ms == known_ms and last_n < known_n) then return {0, last} end
    for i = 3, #ARGV do last = redis.call('XADD', KEYS[1], '*', ARGV[2], ARGV[i]) end
    return {1, last}
    ",
);

impl Relay {
    /// Appends to the stream and moves `known` on; returns false, and has every kept row published again, when the
    /// stream lost entries.
    pub(super) async fn append(&self, known: &mut String, envelopes: Vec<Arg>) -> Result<bool> {
        let mut args = vec![Arg::from(known.as_str()), Arg::from(FIELD)];
        args.extend(envelopes);
        let reply = self
            .redis
            .eval(&APPEND, &[&self.stream], &args)
            .await?
            .many()?;
        let (done, last) = match reply.as_slice() {
            [done, last] => (done.int()? == 1, last.text()?),
            _ => {
                return Err(Fault::internal(
                    "the relay's script answered in another shape",
                ));
            }
        };
        if !done {
            self.refill(known, &last).await?;
            NONE.clone_into(known);
        } else if last != NONE {
            *known = last;
        }
        Ok(done)
    }

    /// The groups come first: should this end half-way, the loss is noticed again.
    async fn refill(&self, known: &str, found: &str) -> Result<()> {
        for group in &self.groups {
            self.redis.group_create(&self.stream, group).await?;
        }
        let rows = self.republish().await?;
        tracing::warn!(stream = %self.stream, known, found, rows, "the event stream lost entries; publishing the kept rows again");
        Ok(())
    }

    /// Removes entries every group has acknowledged, but none that is young (EB-3), and notes the groups.
    pub(super) async fn trim(&mut self, known: &mut String) -> Result<()> {
        let groups = self.redis.groups(&self.stream).await?;
        // The groups count only if the stream was whole after they were read.
        if !self.append(known, Vec::new()).await? {
            return Ok(());
        }
        let names: Vec<String> = groups.iter().map(|group| group.name.clone()).collect();
        if names != self.groups && self.lease.note(json!({"groups": names})).await? {
            self.groups = names;
        }
        let keep = i64::try_from(self.pace.keep.as_secs()).unwrap_or(i64::MAX);
        let oldest_kept = (identity::clock::unix() - keep).max(0).unsigned_abs() * 1000;
        let (millis, counter) = below(&groups, oldest_kept);
        let below = format!("{millis}-{counter}");
        self.redis.stream_trim(&self.stream, &below).await?;
        Ok(())
    }
}

/// The id before which no group needs an entry and no entry is young. A stream nobody reads keeps what is young.
fn below(groups: &[Group], oldest_kept: u64) -> (u64, u64) {
    let needed = groups.iter().map(|group| {
        let pending = group.oldest_pending.as_deref();
        position(pending.unwrap_or(&group.last_delivered))
    });
    needed
        .min()
        .map_or((oldest_kept, 0), |slowest| slowest.min((oldest_kept, 0)))
}

/// A stream id as numbers that compare as the ids do.
fn position(id: &str) -> (u64, u64) {
    let (millis, counter) = id.split_once('-').unwrap_or((id, "0"));
    (millis.parse().unwrap_or(0), counter.parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(oldest_pending: Option<&str>, last_delivered: &str) -> Group {
        Group {
            name: String::new(),
            pending: oldest_pending.map_or(0, |_| 1),
            oldest_pending: oldest_pending.map(str::to_owned),
            last_delivered: last_delivered.to_owned(),
            lag: None,
        }
    }

    #[test]
    fn eb_3_stream_ids_compare_as_numbers() {
        assert!(position("1700000000000-10") > position("1700000000000-9"));
        assert!(position("999-0") < position("1000-0"));
    }

    #[test]
    fn eb_3_nothing_the_slowest_group_needs_is_below() {
        let quick = group(None, "90-5");
        assert_eq!(below(std::slice::from_ref(&quick), 1000), (90, 5));
        assert_eq!(below(&[quick.clone(), group(None, "7-1")], 1000), (7, 1));
        let stuck = group(Some("3-2"), "95-0");
        assert_eq!(below(&[quick.clone(), stuck], 1000), (3, 2));
        assert_eq!(below(&[quick.clone(), group(None, NONE)], 1000), (0, 0));
        assert_eq!(below(&[quick], 40), (40, 0));
        assert_eq!(below(&[], 40), (40, 0));
    }
}
