#![doc = include_str!("../README.md")]

mod app;
mod config;
pub mod domain;
mod error;
mod events;
mod grpc;
mod store;

use std::sync::Arc;

use async_trait::async_trait;
use chassis::{Kit, Parts, Routes, Service};
use contracts::MAX_MESSAGE;
use contracts::profile::v1::profile_service_server::ProfileServiceServer;

use crate::app::App;
pub use crate::config::Config;
use crate::grpc::Rpcs;

/// The profile service.
#[derive(Debug)]
pub struct Profile;

#[async_trait]
impl Service for Profile {
    const NAME: &'static str = "profile";
    type Config = Config;

    async fn build(kit: Kit, config: Config) -> anyhow::Result<Parts> {
        let key = kit.keys.derive("profile.repeat");
        let app = App::new(kit.db.clone(), config, key);
        let server = ProfileServiceServer::new(Rpcs(app))
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE);
        let relay = ::events::Relay::task(Self::NAME, kit.db.clone(), kit.redis.clone());
        let compare = ::events::projections::nightly(
            Self::NAME,
            kit.db.clone(),
            kit.peers,
            vec![Arc::new(crate::app::AccountFacts)],
        );
        let consumer = crate::events::consumer(kit.db, kit.redis);
        Ok(Parts::new(Routes::new(server))
            .task(relay)
            .task(compare)
            .tasks(consumer.tasks()))
    }
}
