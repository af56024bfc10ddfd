//! One-time codes and their counters: Redis only (D26), one Lua script an operation (AU-4, C3).
//!
//! The keys of one address share a hash tag made of its keyed hash, so that they live on one node and name
//! nobody: `otp:{<hash>}:sign-in` holds digest and tries, `…:sends` and `…:wrong` are rolling windows scored by
//! the Redis clock in milliseconds.

use std::time::Duration;

use fault::{Fault, Result};
use redis::{Arg, Redis, Reply, Script};
use uuid::Uuid;

use crate::domain::code::{Limits, Purpose, TRIES};

/// Refuses with the wait in milliseconds, or replaces the code, counts the send and answers 0.
static SEND: Script = Script::new(
    r"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local digest, send = ARGV[1], ARGV[2]
local life, gap, window = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local most, most_wrong = tonumber(ARGV[6]), tonumber(ARGV[7])
local wait = 0
for key, limit in pairs({[KEYS[2]] = most, [KEYS[3]] = most_wrong}) do
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window)
  local count = redis.call('ZCARD', key)
  if count >= limit then
    local freed = redis.call('ZRANGE', key, count - limit, count - limit, 'WITHSCORES')
    wait = math.max(wait, freed[2] + window - now)
  end
end
local last = redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')
if last[2] then wait = math.max(wait, last[2] + gap - now) end
if wait > 0 then return wait end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'digest', digest, 'tries', 0)
redis.call('PEXPIRE', KEYS[1], life)
redis.call('ZADD', KEYS[2], now, send)
redis.call('PEXPIRE', KEYS[2], window)
return 0
",
);

/// Counts the try, compares, and consumes the code or the try. Only a try at a live code counts: others
/// cannot win anything, and counting them would let strangers lock the address (T7).
static REDEEM: Script = Script::new(
    r"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local digest, try = ARGV[1], ARGV[2]
local window, most, most_wrong = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - window)
local wrong = redis.call('ZCARD', KEYS[2])
if wrong >= most_wrong then
  local freed = redis.call('ZRANGE', KEYS[2], wrong - most_wrong, wrong - most_wrong, 'WITHSCORES')
  return {'limited', freed[2] + window - now}
end
if redis.call('EXISTS', KEYS[1]) == 0 then return {'unknown', 0} end
local tries = redis.call('HINCRBY', KEYS[1], 'tries', 1)
redis.call('ZADD', KEYS[2], now, try)
redis.call('PEXPIRE', KEYS[2], window)
if redis.call('HGET', KEYS[1], 'digest') == digest then
  redis.call('DEL', KEYS[1])
  redis.call('ZREM', KEYS[2], try)
  return {'right', 0}
end
if tries >= most then redis.call('DEL', KEYS[1]) end
return {'wrong', 0}
",
);

/// Takes one send out of the window.
static GIVE_BACK: Script = Script::new("return redis.call('ZREM', KEYS[1], ARGV[1])");

/// What became of a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The code is the address's newest and only one.
    Stored,
    /// Refused; free again after this time.
    Limited(Duration),
}

/// What became of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Redeemed {
    /// The code was right and is used up.
    Right,
    /// The code was wrong; the third wrong try killed it.
    Wrong,
    /// There is no code: expired, used, killed, or never sent.
    Unknown,
    /// The address had its wrong tries; free again after this time.
    Limited(Duration),
}

/// The codes of one address and purpose.
#[derive(Debug)]
pub(crate) struct Codes<'r> {
    redis: &'r Redis,
    code: String,
    sends: String,
    wrong: String,
}

impl<'r> Codes<'r> {
    /// Names the keys; `address` is the keyed hash of the address.
    pub(crate) fn of(redis: &'r Redis, address: &str, purpose: Purpose) -> Self {
        let code = format!("otp:{{{address}}}:{}", purpose.word());
        Self {
            redis,
            sends: format!("{code}:sends"),
            wrong: format!("{code}:wrong"),
            code,
        }
    }

    /// Makes this digest the address's code, unless the address had its share (AU-2, AU-3).
    pub(crate) async fn send(&self, digest: &str, send: Uuid, limits: Limits) -> Result<Sent> {
        let args: [Arg; 7] = [
            digest.into(),
            send.to_string().into(),
            millis(limits.lifetime),
            millis(limits.gap),
            millis(limits.window),
            i64::from(limits.sends).into(),
            i64::from(limits.wrong).into(),
        ];
        let keys = [self.code.as_str(), &self.sends, &self.wrong];
        let wait = self.redis.eval(&SEND, &keys, &args).await?.int()?;
        Ok(if wait > 0 {
            Sent::Limited(wait_of(wait))
        } else {
            Sent::Stored
        })
    }

    /// Tries a code; of parallel right tries exactly one is told so.
    pub(crate) async fn redeem(&self, digest: &str, limits: Limits) -> Result<Redeemed> {
        let args: [Arg; 5] = [
            digest.into(),
            Uuid::now_v7().to_string().into(),
            millis(limits.window),
            TRIES.into(),
            i64::from(limits.wrong).into(),
        ];
        let keys = [self.code.as_str(), &self.wrong];
        let reply = self.redis.eval(&REDEEM, &keys, &args).await?.many()?;
        let (word, wait) = match reply.as_slice() {
            [word, wait] => (word.text()?, wait.int()?),
            _ => return Err(Fault::internal("the redeem script answers a pair")),
        };
        match word.as_str() {
            "right" => Ok(Redeemed::Right),
            "wrong" => Ok(Redeemed::Wrong),
            "unknown" => Ok(Redeemed::Unknown),
            "limited" => Ok(Redeemed::Limited(wait_of(wait))),
            _ => Err(Fault::internal("the redeem script answers another word")),
        }
    }

    /// Gives a send back whose mail could not be delivered (AU-3).
    pub(crate) async fn give_back(&self, send: Uuid) -> Result<()> {
        let reply = self
            .redis
            .eval(&GIVE_BACK, &[&self.sends], &[send.to_string().into()])
            .await?;
        match reply {
            Reply::Int(_) => Ok(()),
            Reply::Nil | Reply::Bytes(_) | Reply::Many(_) => {
                Err(Fault::internal("ZREM answers a number"))
            }
        }
    }
}

fn millis(duration: Duration) -> Arg {
    i64::try_from(duration.as_millis())
        .unwrap_or(i64::MAX)
        .into()
}

/// Waits are told in whole seconds, rounded up: a client that waits so long is let through.
fn wait_of(millis: i64) -> Duration {
    Duration::from_secs(u64::try_from(millis).unwrap_or(0).div_ceil(1000))
}
