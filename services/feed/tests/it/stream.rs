//! The stream of new posts (ST-3): exactly once, in order, and only what this viewer may see at that moment.

mod cost;
mod cursor;
mod order;
mod sight;

use std::time::Duration;

use contracts::feed::v1::*;
use feed::Config;
use identity::Caller;
use tokio::time::timeout;
use tonic::{Status, Streaming};

use crate::world::{Answer, World};

/// Longest wait for an item that must come.
const LONGEST: Duration = testkit::LONGEST;

/// An open stream.
pub(crate) struct Reader(Streaming<FeedItem>);

impl World {
    /// Opens somebody's stream.
    pub(crate) async fn stream(&self, who: &Caller, request: StreamFeedRequest) -> Answer<Reader> {
        let opened = self.client(who).stream_feed(request).await?;
        Ok(Reader(opened.into_inner()))
    }

    /// Opens somebody's stream with what is published from now on.
    pub(crate) async fn listen(&self, who: &Caller) -> Reader {
        self.stream(who, StreamFeedRequest::default())
            .await
            .unwrap()
    }

    /// Opens somebody's stream after a cursor.
    pub(crate) async fn resume(&self, who: &Caller, cursor: &str) -> Reader {
        self.stream(who, after(cursor)).await.unwrap()
    }
}

impl Reader {
    /// The next item, or the end.
    pub(crate) async fn item(&mut self) -> Result<Option<FeedItem>, Status> {
        timeout(LONGEST, self.0.message())
            .await
            .expect("an item within 10 s")
    }

    /// The next post, with its cursor.
    pub(crate) async fn next(&mut self) -> (String, PostCard) {
        let item = self.item().await.unwrap().expect("the stream goes on");
        assert_eq!(item.event, "post:new");
        (item.cursor, item.post.expect("a new post is there"))
    }

    /// The texts of the next posts.
    pub(crate) async fn texts(&mut self, count: usize) -> Vec<String> {
        let mut texts = Vec::new();
        for _ in 0..count {
            texts.push(self.next().await.1.content);
        }
        texts
    }
}

pub(crate) fn after(cursor: &str) -> StreamFeedRequest {
    StreamFeedRequest {
        after: cursor.to_owned(),
        ..Default::default()
    }
}

/// Settings under which nothing looks but when it is told.
pub(crate) fn only_told() -> Config {
    Config {
        look_for_news_every_ms: 3_600_000,
        ..Config::default()
    }
}
