#![doc = include_str!("../README.md")]
#![allow(
    clippy::expect_used,
    reason = "a test without its servers has nothing better to do than to say so"
)]

mod database;
mod disorder;
mod keyed;
mod number;
mod own_postgres;
mod own_redis;
mod rig;
mod wait;

pub use database::ROLE_SECRET;
pub use disorder::{Told, twice_and_shuffled};
pub use keyed::{is_replayed, keyed};
pub use own_postgres::OwnPostgres;
pub use own_redis::OwnRedis;
pub use rig::{Rig, variable};
pub use wait::{Fact, LONGEST, eventually, unhurried};
