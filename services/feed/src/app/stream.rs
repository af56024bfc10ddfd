//! The stream of new posts (ST-3): each viewer's own way through what is published.
//!
//! Nothing runs for a stream but what its reader asks for: it is pulled, holds one batch at most, and ends when it is
//! dropped. What it sends is looked up when it is asked for, so that blocks and visibility are those of that moment.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use contracts::feed::v1::PostType;
use futures_util::Stream;
use futures_util::stream::try_unfold;
use identity::Context;
use tokio::sync::watch;

use super::App;
use super::news::Latest;
use super::view::PostView;
use crate::domain::snapshot::{Position, Snapshot};
use crate::error::Result;
use crate::store::stream;

/// Posts read together.
const BATCH: usize = 20;
/// How long reading one batch may take.
const READING: Duration = Duration::from_secs(5);
/// Posts that were read longer ago than this are looked up again before they are sent (VIS-10).
const FRESH: Duration = Duration::from_secs(1);

/// Where a stream begins.
#[derive(Debug)]
pub(crate) enum Start {
    /// With what is published from now on.
    Now,
    /// After this.
    After(Position),
    /// After something that is no longer known.
    Forgotten,
}

/// One item.
#[derive(Debug)]
pub(crate) struct Item {
    /// Where the stream stands after it.
    pub(crate) position: Position,
    /// The post; none says that some may have been missed.
    pub(crate) post: Option<PostView>,
}

impl App {
    /// The posts the viewer may see, as they are published, from the moment this returns. The stream ends when the
    /// process stops.
    pub(crate) async fn stream_feed(
        &self,
        ctx: &Context,
        kind: Option<PostType>,
        start: Start,
    ) -> Result<impl Stream<Item = Result<Item>> + Send + use<>> {
        self.people.meet(ctx).await?;
        // Before the snapshot, so that the news of what it does not see is heard.
        let latest = self.news.follow();
        let now = stream::snapshot(self.db.connection()).await?;
        let (position, missed) = match start {
            Start::Now => (Position::at(now.clone()), false),
            // A server that was set back has forgotten what the stream had come to.
            Start::After(position) if now.includes(position.seen()) => (position, false),
            Start::After(_) | Start::Forgotten => (Position::at(now.clone()), true),
        };
        let walk = Walk {
            app: self.clone(),
            ctx: ctx.clone(),
            kind,
            latest,
            done: *position.seen() == now,
            position,
            goal: now,
            missed,
            ready: VecDeque::new(),
            read: Instant::now(),
        };
        Ok(try_unfold(walk, |mut walk| async move {
            let item = walk.next().await?;
            Ok(item.map(|item| (item, walk)))
        }))
    }
}

/// One stream.
struct Walk {
    app: App,
    ctx: Context,
    kind: Option<PostType>,
    latest: watch::Receiver<Latest>,
    /// Everything before it was sent or is none of this viewer's business.
    position: Position,
    /// How far the stream can come until there is news.
    goal: Snapshot,
    /// Whether it has come so far.
    done: bool,
    /// Whether it has yet to say that posts may have been missed.
    missed: bool,
    /// What was read and not yet sent.
    ready: VecDeque<Item>,
    /// When that was.
    read: Instant,
}

impl Walk {
    async fn next(&mut self) -> Result<Option<Item>> {
        if std::mem::take(&mut self.missed) {
            let position = self.position.clone();
            return Ok(Some(Item {
                position,
                post: None,
            }));
        }
        loop {
            if self.latest.borrow().closing {
                return Ok(None);
            }
            if self.read.elapsed() > FRESH {
                self.forget();
            }
            if let Some(item) = self.ready.pop_front() {
                self.position = item.position.clone();
                return Ok(Some(item));
            }
            if !self.done {
                self.read().await?;
            } else if !self.heard().await {
                return Ok(None);
            }
        }
    }

    /// Goes back to what was sent last.
    fn forget(&mut self) {
        if !self.ready.is_empty() {
            self.ready.clear();
            self.done = false;
        }
    }

    /// Reads a batch on the way to the goal.
    async fn read(&mut self) -> Result<()> {
        let _turn = self.app.news.turn().await;
        let ctx = self.ctx.within(READING);
        let on = self.app.db.connection();
        let news = stream::news(
            on,
            &ctx.viewer(),
            self.kind,
            &self.position,
            &self.goal,
            BATCH as u64,
        )
        .await?;
        self.read = Instant::now();
        let last_batch = news.len() < BATCH;
        let end = self.position.at_the_end(&self.goal);
        self.done = last_batch && *end.seen() == self.goal;
        if news.is_empty() {
            self.position = end;
            return Ok(());
        }
        let (keys, posts): (Vec<_>, Vec<_>) = news.into_iter().unzip();
        let seen = self.app.see_posts(&ctx, posts).await?;
        let last = keys.len() - 1;
        for (index, (key, post)) in keys.into_iter().zip(seen).enumerate() {
            let position = if last_batch && index == last {
                end.clone()
            } else {
                self.position.on_the_way(&self.goal, key)
            };
            self.ready.push_back(Item {
                position,
                post: Some(post),
            });
        }
        Ok(())
    }

    /// Waits for news; false when there will be none.
    async fn heard(&mut self) -> bool {
        if self.latest.changed().await.is_err() {
            return false;
        }
        let latest = self.latest.borrow_and_update();
        // The watcher may have looked before this stream began.
        if let Some(snapshot) = &latest.snapshot
            && snapshot.includes(self.position.seen())
        {
            self.goal = snapshot.clone();
            self.done = false;
        }
        true
    }
}
