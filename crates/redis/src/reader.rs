//! A member of a consumer group, with a connection of its own.

use std::fmt;
use std::time::Duration;

use fault::Result;
use fred::clients::Client;
use fred::error::ErrorKind;
use fred::interfaces::{ClientLike, StreamsInterface};
use fred::types::Value;
use fred::types::config::Options;

use crate::Redis;
use crate::error::{fault, is_no_group};
use crate::script::{Arg, Reply, Script};
use crate::stream::{Entry, entries};

/// Time a read may take beyond the time it waits.
const GRACE: Duration = Duration::from_secs(1);

/// Ages what consumer `ARGV[2]` of group `ARGV[1]` has not acknowledged to `ARGV[3]` milliseconds, or removes its name.
static HAND_OVER: Script = Script::new(
    r"
    local left = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 10000, ARGV[2])
    if #left == 0 then
      redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
      return 0
    end
    for _, entry in ipairs(left) do
      redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, entry[1], 'IDLE', ARGV[3], 'JUSTID')
    end
    return #left
    ",
);

/// Reads streams for one consumer of one group.
pub struct Reader {
    redis: Redis,
    client: Client,
    group: String,
    consumer: String,
}

/// What a read gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// New entries, oldest first within each stream; none when the wait ended without any.
    Entries(Vec<Entry>),
    /// A stream or its group is gone: Redis was emptied. Make the groups again.
    NoGroup,
}

impl Redis {
    /// Opens a connection that reads as `consumer` of `group`.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE`.
    pub async fn reader(
        &self,
        group: impl Into<String>,
        consumer: impl Into<String>,
    ) -> Result<Reader> {
        let client = self.dedicated(Duration::ZERO)?;
        client.init().await.map_err(fault)?;
        Ok(Reader {
            redis: self.clone(),
            client,
            group: group.into(),
            consumer: consumer.into(),
        })
    }
}

impl Reader {
    /// The consumer's name.
    #[must_use]
    pub fn consumer(&self) -> &str {
        &self.consumer
    }

    /// Waits up to `wait` for entries no consumer of the group was given, at most `count` of each stream.
    ///
    /// Dropping the call may leave entries given out and not seen; they are claimed once they are idle.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE`.
    pub async fn read(&self, streams: &[String], count: u64, wait: Duration) -> Result<Read> {
        let options = Options {
            timeout: Some(wait + GRACE),
            max_attempts: Some(1),
            ..Options::default()
        };
        // 0 would wait for ever.
        let block = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
        let ids: Vec<&str> = streams.iter().map(|_| ">").collect();
        let reply: std::result::Result<Value, _> = self
            .client
            .with_options(&options)
            .xreadgroup(
                self.group.as_str(),
                self.consumer.as_str(),
                Some(count),
                Some(block),
                false,
                streams.to_vec(),
                ids,
            )
            .await;
        match reply {
            Ok(reply) => Ok(Read::Entries(by_stream(reply.into())?)),
            Err(error) if is_no_group(&error) => Ok(Read::NoGroup),
            Err(error) => {
                if *error.kind() == ErrorKind::Timeout {
                    // The server did not even say "nothing": the connection is dead or stuck.
                    let _forced = self.client.force_reconnection().await;
                }
                Err(fault(error))
            }
        }
    }

    /// Takes over up to `count` entries that another consumer was given and has left idle for longer than `idle`.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE`.
    pub async fn claim(&self, stream: &str, idle: Duration, count: u64) -> Result<Read> {
        let idle = u64::try_from(idle.as_millis()).unwrap_or(u64::MAX);
        let reply: std::result::Result<Value, _> = self
            .redis
            .client()?
            .xautoclaim(
                stream,
                self.group.as_str(),
                self.consumer.as_str(),
                idle,
                "0-0",
                Some(count),
                false,
            )
            .await;
        match reply {
            Ok(reply) => {
                let mut parts = Reply::from(reply).many()?.into_iter();
                let list = parts.nth(1).unwrap_or(Reply::Many(Vec::new()));
                Ok(Read::Entries(entries(stream, list)?))
            }
            Err(error) if is_no_group(&error) => Ok(Read::NoGroup),
            Err(error) => Err(fault(error)),
        }
    }

    /// Acknowledges entries: the group will not give them out again.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE`.
    pub async fn ack(&self, stream: &str, ids: Vec<String>) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let client = self.redis.client()?;
        client
            .xack::<(), _, _, _>(stream, self.group.as_str(), ids)
            .await
            .map_err(fault)
    }

    /// Makes what this consumer has not acknowledged look idle for as long as `idle`, so that others claim it at once, and
    /// forgets the consumer when there is nothing; returns how many entries that are. Read nothing afterwards.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE`; `INTERNAL_ERROR` when there is no such stream or group.
    pub async fn hand_over(&self, stream: &str, idle: Duration) -> Result<u64> {
        let idle = u64::try_from(idle.as_millis()).unwrap_or(u64::MAX);
        let args = [
            Arg::from(self.group.as_str()),
            Arg::from(self.consumer.as_str()),
            Arg::from(idle.saturating_add(1).to_string()),
        ];
        let left = self.redis.eval(&HAND_OVER, &[stream], &args).await?.int()?;
        Ok(left.unsigned_abs())
    }

    /// Closes the connection.
    pub async fn close(&self) {
        let _closed = self.client.quit().await;
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("group", &self.group)
            .field("consumer", &self.consumer)
            .finish_non_exhaustive()
    }
}

fn by_stream(reply: Reply) -> Result<Vec<Entry>> {
    let streams = match reply {
        // Nothing came within the wait.
        Reply::Nil => return Ok(Vec::new()),
        reply => reply.many()?,
    };
    let mut found = Vec::new();
    for stream in streams {
        let mut parts = stream.many()?.into_iter();
        if let (Some(name), Some(list)) = (parts.next(), parts.next()) {
            found.append(&mut entries(&name.text()?, list)?);
        }
    }
    Ok(found)
}
