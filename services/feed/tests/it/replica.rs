//! Another process with the database of a world.

use chassis::{Host, HostConfig, Shutdown};
use contracts::feed::v1::feed_service_client::FeedServiceClient;
use feed::{Config, Feed};
use identity::Context;
use mesh::Channel;

/// A process that hosts the feed alone.
pub(crate) struct Replica {
    host: Host,
    /// Asks it to stop.
    pub(crate) stop: Shutdown,
}

impl Replica {
    pub(crate) async fn start(config: HostConfig, feed: Config) -> Self {
        let stop = Shutdown::new();
        let mut host = Host::start(config, stop.clone()).await.unwrap();
        host.add::<Feed>(feed).await.unwrap();
        Self { host, stop }
    }

    /// Calls as the edge does.
    pub(crate) fn client(&self, ctx: &Context) -> FeedServiceClient<Channel> {
        FeedServiceClient::new(self.host.peers("edge").unwrap().call("feed", ctx))
    }
}
