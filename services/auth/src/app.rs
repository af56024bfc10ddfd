//! The operations: each reads in the order authorise, transact, publish.

pub(crate) mod account;
pub(crate) mod compare;
pub(crate) mod feed;
pub(crate) mod jobs;
pub(crate) mod mail;
pub(crate) mod otp;
pub(crate) mod profile;
pub(crate) mod session;
pub(crate) mod settings;
pub(crate) mod sign_in;
pub(crate) mod token;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chassis::{Keys, Kit};
use identity::Sealer;
use identity::access::Signer;
use moka::future::Cache;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::config::Config;
use crate::domain::code::hex;
use feed::Feed;

/// Everything an operation needs.
pub(crate) struct App {
    pub(crate) db: ::store::Db,
    pub(crate) redis: redis::Redis,
    peers: mesh::Peers,
    pub(crate) config: Config,
    pub(crate) signer: Signer,
    secrets: Secrets,
    /// Wakes the mail task when something was queued here.
    mail_waiting: Arc<Notify>,
    pub(crate) feed: Feed,
    /// Sessions whose last use was written within the minute.
    active: Cache<Uuid, ()>,
}

/// Keys with one purpose each.
struct Secrets {
    /// Digests of codes.
    otp: [u8; 32],
    /// Keyed hashes of addresses, in Redis keys and audit rows.
    address: [u8; 32],
    /// Ids of successors of refresh tokens.
    refresh: [u8; 32],
    /// Mails in the queue.
    mail: Sealer,
}

impl App {
    /// Puts the parts together.
    ///
    /// # Errors
    /// A signing key that is missing or cannot be used.
    pub(crate) fn new(kit: Kit, config: Config) -> anyhow::Result<Arc<Self>> {
        let active = config.signing.active.expose();
        anyhow::ensure!(
            !active.trim().is_empty(),
            "signing.active is not configured"
        );
        let other: Option<&str> = config
            .signing
            .other
            .as_ref()
            .map(|key| key.expose().as_str());
        let others: Vec<&str> = other
            .into_iter()
            .filter(|key| !key.trim().is_empty())
            .collect();
        let signer = Signer::new(&config.issuer, &config.audience, active, &others)?;
        Ok(Arc::new(Self {
            secrets: Secrets::of(&kit.keys)?,
            db: kit.db,
            redis: kit.redis,
            peers: kit.peers,
            signer,
            config,
            mail_waiting: Arc::new(Notify::new()),
            feed: Feed::new(),
            active: Cache::builder()
                .max_capacity(100_000)
                .time_to_live(Duration::from_secs(60))
                .build(),
        }))
    }

    /// The keyed hash of an address: all that Redis keys and audit rows show of it.
    fn address_hash(&self, email: &str) -> [u8; 32] {
        identity::keyed_hash(&self.secrets.address, &[email])
    }

    /// The same as text, for keys.
    fn address_tag(&self, email: &str) -> String {
        hex(&self.address_hash(email))
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").finish_non_exhaustive()
    }
}

impl Secrets {
    fn of(keys: &Keys) -> anyhow::Result<Self> {
        Ok(Self {
            otp: keys.derive("auth.otp"),
            address: keys.derive("auth.address"),
            refresh: keys.derive("auth.refresh"),
            mail: Sealer::new(&keys.derive("auth.mail"))
                .map_err(|_| anyhow::anyhow!("the mail queue's key is unusable"))?,
        })
    }
}
