//! What processes keep their state in.

use testkit::{OwnPostgres, OwnRedis};

/// Where PostgreSQL and Redis are, and the secrets all processes share.
#[derive(Debug, Clone)]
pub struct Servers {
    /// The URL of PostgreSQL, for a user that may migrate.
    pub database: String,
    /// What the passwords of the services' roles are derived from.
    pub role_secret: String,
    /// The URL of Redis.
    pub redis: String,
    /// The deployment's secret.
    pub secret: String,
}

impl Servers {
    /// Servers of a deployment's own.
    #[must_use]
    pub fn own(postgres: &OwnPostgres, redis: &OwnRedis) -> Self {
        Self {
            database: postgres.url(),
            role_secret: "the roles of a deployment that lives as long as its run".to_owned(),
            redis: redis.url(),
            secret: "the secret of a deployment that lives as long as its run".to_owned(),
        }
    }
}
