#![doc = include_str!("../README.md")]

mod app;
pub mod config;
mod domain;
mod error;
mod events;
mod grpc;
mod metrics;
mod smtp;
mod store;

use std::sync::Arc;

use ::events::projections;
use chassis::{Kit, Parts, Routes, Task, async_trait};
use contracts::auth::v1::auth_service_server::AuthServiceServer;

pub use config::Config;

/// The auth service, to be hosted by chassis.
#[derive(Debug)]
pub struct Auth;

#[async_trait]
impl chassis::Service for Auth {
    const NAME: &'static str = "auth";

    type Config = Config;

    async fn build(kit: Kit, config: Config) -> anyhow::Result<Parts> {
        let (db, redis, peers) = (kit.db.clone(), kit.redis.clone(), kit.peers.clone());
        let post = Arc::new(smtp::Post::new(&config.smtp)?);
        let app = app::App::new(kit, config)?;
        let (mailing, polling) = (Arc::clone(&app), Arc::clone(&app));
        let copies = app::compare::AccountProfiles(Arc::clone(&app));
        let compare = projections::nightly(Self::NAME, db.clone(), peers, vec![Arc::new(copies)]);
        let server = AuthServiceServer::new(grpc::Server::new(Arc::clone(&app)));
        Ok(Parts::new(Routes::new(server))
            .task(::events::Relay::task(Self::NAME, db.clone(), redis.clone()))
            .tasks(events::consumer(&app, db, redis))
            .task(compare)
            .task(Task::new("auth.mail", move |stop| {
                Arc::clone(&mailing).send_mail(Arc::clone(&post), stop)
            }))
            .task(Task::new("auth.revocations", move |stop| {
                Arc::clone(&polling).poll_revocations(stop)
            }))
            .tasks(app.jobs()))
    }
}
