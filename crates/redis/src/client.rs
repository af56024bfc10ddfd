//! The shared connection and the plain commands.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fault::{Fault, Result};
use fred::clients::{Client, SubscriberClient};
use fred::interfaces::{ClientLike, KeysInterface};
use fred::types::config::{
    Config, ConnectionConfig, PerformanceConfig, ReconnectPolicy, UnresponsiveConfig,
};
use fred::types::scan::Scanner;
use fred::types::{Builder, Expiration, SetOptions};
use futures_util::TryStreamExt;
use tokio::sync::OnceCell;

use crate::error::{disconnected, fault};
use crate::observed::observed;

/// Longest time one command may take.
const COMMAND: Duration = Duration::from_millis(500);
/// Longest time a connection attempt may take.
const CONNECT: Duration = Duration::from_secs(2);

/// One database of one Redis; cheap to clone.
#[derive(Clone)]
pub struct Redis {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) client: Client,
    pub(crate) subscriber: OnceCell<SubscriberClient>,
    config: Config,
}

impl Redis {
    /// Connects to `redis://[user:password@]host:port[/database]` (`rediss://` for TLS).
    ///
    /// # Errors
    /// `INTERNAL_ERROR` when the URL cannot be read, `SERVICE_UNAVAILABLE` when nobody answers within 2 s.
    pub async fn connect(url: &str) -> Result<Self> {
        let config = Config::from_url(url).map_err(fault)?;
        let client = build(&config, COMMAND, Some(Duration::from_secs(2)))?;
        client.init().await.map_err(fault)?;
        Ok(Self {
            inner: Arc::new(Inner {
                client,
                subscriber: OnceCell::new(),
                config,
            }),
        })
    }

    /// Whether a URL is one that [`Redis::connect`] can read.
    ///
    /// # Errors
    /// `INTERNAL_ERROR` when it is not.
    pub fn check(url: &str) -> Result<()> {
        Config::from_url(url).map(drop).map_err(fault)
    }

    /// The number of the database, as channel names carry it.
    #[must_use]
    pub fn database(&self) -> u8 {
        self.inner.config.database.unwrap_or(0)
    }

    /// Whether the shared connection stands at this moment.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.inner.client.is_connected()
    }

    /// Proves by one round trip that Redis answers.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE`.
    pub async fn ping(&self) -> Result<()> {
        Box::pin(self.client()?.ping::<()>(None))
            .await
            .map_err(fault)
    }

    /// Returns the value of a key, or `None`.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE`.
    pub async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        observed("GET", self.client()?.get(key)).await
    }

    /// Returns the values of several keys, in their order.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE`.
    pub async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        observed("MGET", self.client()?.mget(keys.to_vec())).await
    }

    /// Sets a key that stays until it is deleted.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE`.
    pub async fn set(&self, key: &str, value: impl Into<Bytes>) -> Result<()> {
        self.write(key, value.into(), None, None).await.map(drop)
    }

    /// Sets a key that is gone after `ttl` (whole milliseconds, at least one).
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE`.
    pub async fn set_ex(&self, key: &str, value: impl Into<Bytes>, ttl: Duration) -> Result<()> {
        self.write(key, value.into(), Some(ttl), None)
            .await
            .map(drop)
    }

    /// Sets a key unless it exists, for `ttl`; returns whether it was set.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE`.
    pub async fn set_new(&self, key: &str, value: impl Into<Bytes>, ttl: Duration) -> Result<bool> {
        self.write(key, value.into(), Some(ttl), Some(SetOptions::NX))
            .await
    }

    async fn write(
        &self,
        key: &str,
        value: Bytes,
        ttl: Option<Duration>,
        options: Option<SetOptions>,
    ) -> Result<bool> {
        let ttl = ttl.map(|ttl| Expiration::PX(millis(ttl)));
        let set = self.client()?.set(key, value, ttl, options, false);
        let reply: Option<String> = observed("SET", set).await?;
        Ok(reply.is_some())
    }

    /// Deletes keys; returns how many existed.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE`.
    pub async fn del(&self, keys: &[&str]) -> Result<u64> {
        if keys.is_empty() {
            return Ok(0);
        }
        observed("DEL", self.client()?.del(keys.to_vec())).await
    }

    /// Returns the value of a key and deletes it, in one step.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE`.
    pub async fn take(&self, key: &str) -> Result<Option<Bytes>> {
        observed("GETDEL", self.client()?.getdel(key)).await
    }

    /// Adds to a counter, 0 when absent; returns the new value.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE`, `INTERNAL_ERROR` when the key holds no integer.
    pub async fn incr(&self, key: &str, by: i64) -> Result<i64> {
        observed("INCRBY", self.client()?.incr_by(key, by)).await
    }

    /// Lets a key end after `ttl` (whole milliseconds, at least one); returns whether it exists.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE`.
    pub async fn expire(&self, key: &str, ttl: Duration) -> Result<bool> {
        observed("PEXPIRE", self.client()?.pexpire(key, millis(ttl), None)).await
    }

    /// Returns how long a key has left; `None` when it does not exist or has no end.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE`.
    pub async fn ttl(&self, key: &str) -> Result<Option<Duration>> {
        let left: i64 = observed("PTTL", self.client()?.pttl(key)).await?;
        Ok(u64::try_from(left).ok().map(Duration::from_millis))
    }

    /// Returns every key that matches a glob pattern: for operators and tests, since it walks the database.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE`.
    pub async fn keys(&self, pattern: &str) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let mut pages = self.client()?.scan(pattern, Some(1000), None);
        while let Some(mut page) = pages.try_next().await.map_err(fault)? {
            let keys = page.take_results().unwrap_or_default();
            found.extend(keys.into_iter().filter_map(fred::types::Key::into_string));
            page.next();
        }
        Ok(found)
    }

    /// Returns how many databases the server has: for tests.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE`, `INTERNAL_ERROR` when the server does not tell.
    pub async fn databases(&self) -> Result<u32> {
        let command = fred::types::CustomCommand::new_static("CONFIG", None, false);
        let args = vec!["GET".to_owned(), "databases".to_owned()];
        let reply: Vec<String> = self.client()?.custom(command, args).await.map_err(fault)?;
        let count = reply.get(1).and_then(|count| count.parse().ok());
        count.ok_or_else(|| Fault::internal("CONFIG GET databases without a number"))
    }

    /// Deletes every key of this database: for tests.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE`.
    pub async fn flush(&self) -> Result<()> {
        let command = fred::types::CustomCommand::new_static("FLUSHDB", None, false);
        self.client()?
            .custom::<(), String>(command, Vec::new())
            .await
            .map_err(fault)
    }

    /// Cuts this handle's connections as a fault would, to be made again by themselves: for tests.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE`.
    pub async fn cut(&self) -> Result<()> {
        if let Some(subscriber) = self.inner.subscriber.get() {
            subscriber.force_reconnection().await.map_err(fault)?;
        }
        self.inner.client.force_reconnection().await.map_err(fault)
    }

    /// Closes the connections; later commands are `SERVICE_UNAVAILABLE`.
    pub async fn close(&self) {
        if let Some(subscriber) = self.inner.subscriber.get() {
            let _closed = subscriber.quit().await;
        }
        let _closed = self.inner.client.quit().await;
    }

    /// The shared connection, unless it is down: waiting for it would hold the caller until its time-out (T45).
    pub(crate) fn client(&self) -> Result<&Client> {
        let client = &self.inner.client;
        if client.is_connected() {
            Ok(client)
        } else {
            Err(disconnected())
        }
    }

    /// A connection of its own, not yet opened; `timeout` zero leaves commands unbounded.
    pub(crate) fn dedicated(&self, timeout: Duration) -> Result<Client> {
        build(&self.inner.config, timeout, None)
    }

    pub(crate) fn subscriber_client(&self) -> Result<SubscriberClient> {
        builder(&self.inner.config, COMMAND, None)
            .build_subscriber_client()
            .map_err(fault)
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis")
            .field("database", &self.database())
            .finish_non_exhaustive()
    }
}

fn build(config: &Config, timeout: Duration, unresponsive: Option<Duration>) -> Result<Client> {
    builder(config, timeout, unresponsive)
        .build()
        .map_err(fault)
}

fn builder(config: &Config, timeout: Duration, unresponsive: Option<Duration>) -> Builder {
    let mut builder = Builder::from_config(config.clone());
    builder
        .set_policy(ReconnectPolicy::new_exponential(0, 50, 1000, 2))
        .set_performance_config(PerformanceConfig {
            default_command_timeout: timeout,
            broadcast_channel_capacity: 1024,
            ..PerformanceConfig::default()
        })
        .set_connection_config(ConnectionConfig {
            connection_timeout: CONNECT,
            internal_command_timeout: CONNECT,
            // A command whose connection died may have been done; the caller decides whether to try again.
            max_command_attempts: 1,
            unresponsive: UnresponsiveConfig {
                max_timeout: unresponsive,
                interval: Duration::from_millis(500),
            },
            ..ConnectionConfig::default()
        });
    builder
}

fn millis(ttl: Duration) -> i64 {
    i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX).max(1)
}
