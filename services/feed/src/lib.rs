#![doc = include_str!("../README.md")]

mod app;
mod config;
mod domain;
mod error;
mod events;
mod grpc;
mod store;

use std::sync::Arc;
use std::time::Duration;

use ::events::{Relay, projections};
use ::store::Lease;
use chassis::{Kit, Parts, Routes, Task, async_trait};
use contracts::feed::v1::feed_service_server::FeedServiceServer;

use crate::store::engagement::Thing;
pub use config::Config;

/// How long one replica keeps the right to publish scheduled posts.
const LEASE: Duration = Duration::from_secs(30);

/// How often what waits for counters is added to them, if nobody counts there meanwhile. Nobody notices: what is read is both.
const FOLD: Duration = Duration::from_secs(5);

/// How often it is looked for what is left of profiles and accounts that are gone.
const LEFTOVERS: Duration = Duration::from_secs(3600);

/// The feed service.
#[derive(Debug)]
pub struct Feed;

#[async_trait]
impl chassis::Service for Feed {
    const NAME: &'static str = "feed";

    type Config = Config;

    async fn build(kit: Kit, config: Config) -> anyhow::Result<Parts> {
        let compare = projections::nightly(
            Self::NAME,
            kit.db.clone(),
            kit.peers.clone(),
            vec![
                Arc::new(projections::Profiles),
                Arc::new(projections::Accounts),
                Arc::new(app::guard::Guarded),
                Arc::new(app::recount::Counters(Thing::Post)),
                Arc::new(app::recount::Counters(Thing::Comment)),
            ],
        );
        let app = app::App::new(kit.db.clone(), kit.peers, &kit.keys);
        let routes = Routes::new(FeedServiceServer::new(grpc::Handler::new(app.clone())));
        let lease = Lease::new(kit.db.clone(), "feed.publish", "", LEASE);
        let period = Duration::from_millis(config.publish_every_ms);
        let flush = app.flush_views(Duration::from_millis(config.flush_views_every_ms));
        let purge = app.purge_views();
        let news = app.watch_news(
            kit.redis.clone(),
            Duration::from_millis(config.look_for_news_every_ms),
        );
        let (swept, sweeping) = (
            app.clone(),
            Lease::new(kit.db.clone(), "feed.leftovers", "", LEASE),
        );
        let sweep = Task::every("feed.leftovers", LEFTOVERS, move || {
            let (app, lease) = (swept.clone(), sweeping.clone());
            async move { app.sweep_leftovers(&lease).await }
        });
        let counted = app.clone();
        let fold = Task::every("feed.counts", FOLD, move || {
            let app = counted.clone();
            async move { app.fold_counts().await }
        });
        let publish = Task::every("feed.publish", period, move || {
            let (app, lease) = (app.clone(), lease.clone());
            async move { app.publish_due(&lease).await.map(drop) }
        });
        Ok(Parts::new(routes)
            .task(publish)
            .task(flush)
            .task(fold)
            .task(purge)
            .task(news)
            .task(sweep)
            .task(compare)
            .task(Relay::task(Self::NAME, kit.db.clone(), kit.redis.clone()))
            .tasks(events::tasks(Self::NAME, kit.db, kit.redis)))
    }
}
