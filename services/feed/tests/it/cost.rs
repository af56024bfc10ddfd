//! What the feed costs: statements, calls, and no table read whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use contracts::feed::v1::*;
use contracts::profile::v1::{ProfileRef, ProfileVisibility};
use feed::Config;
use metrics::{
    Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use sea_orm::{ConnectionTrait, DbBackend, Statement, TryGetable};

use crate::world::{World, general, profile};

fn filtered(filter: &str) -> ListFeedRequest {
    ListFeedRequest {
        filter: filter.into(),
        ..Default::default()
    }
}

/// Counts what one histogram, of those with one label, observes on this thread.
#[derive(Clone)]
pub(crate) struct Observations {
    name: &'static str,
    label: &'static str,
    count: Arc<AtomicUsize>,
}

impl Observations {
    /// None yet, of the histogram of this name where a label has this value.
    pub(crate) fn of(name: &'static str, label: &'static str) -> Self {
        Self {
            name,
            label,
            count: Arc::default(),
        }
    }

    /// The statements of the feed.
    pub(crate) fn of_statements() -> Self {
        Self::of("sf_db_query_seconds", "feed")
    }

    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

impl HistogramFn for Observations {
    fn record(&self, _: f64) {
        self.count.fetch_add(1, Ordering::SeqCst);
    }
}

impl Recorder for Observations {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }
    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }
    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        let labelled = key.labels().any(|label| label.value() == self.label);
        if key.name() == self.name && labelled {
            Histogram::from_arc(Arc::new(self.clone()))
        } else {
            Histogram::noop()
        }
    }
}

/// The tests of this file run on one thread each, so that a local recorder sees every statement of the test.
#[tokio::test]
async fn the_feed_takes_a_constant_number_of_statements_and_calls() {
    let statements = Observations::of_statements();
    let _guard = metrics::set_default_local_recorder(&statements);
    let world = World::start().await;
    let people: Vec<_> = (0..30)
        .map(|n| world.person(&format!("author{n}")))
        .collect();
    for who in &people {
        let post = world.post(who, "x").await;
        world.like(&people[0], &post.id).await.unwrap();
        world.comment(&people[1], &post.id, "", "hi").await.unwrap();
    }
    world.shown(&people[0]).await;
    let asked = world.profiles.asked();
    let mut costs = Vec::new();
    for limit in [1, 30] {
        // Background tasks can only add to the count, hence the least of several.
        let mut least = usize::MAX;
        for _ in 0..10 {
            let before = statements.count();
            let request = ListFeedRequest {
                limit: Some(limit),
                ..Default::default()
            };
            let page = world.feed(&people[0], request).await.unwrap();
            assert_eq!(page.items.len(), usize::try_from(limit).unwrap());
            least = least.min(statements.count() - before);
        }
        costs.push(least);
    }
    assert_eq!(costs, [4, 4], "total, posts, authors, counts");
    assert_eq!(world.profiles.asked(), asked, "everybody is known");
}

/// The tests of visibility and counts hold whichever statement answers; this holds that the cheap one does.
#[tokio::test]
async fn a_public_post_is_one_statement_and_the_whole_rule_is_asked_in_doubt_alone() {
    let statements = Observations::of_statements();
    let _guard = metrics::set_default_local_recorder(&statements);
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    let post = world.post(&ada, "x").await;
    world.like(&ada, &post.id).await.unwrap();
    world.comment(&ada, &post.id, "", "hi").await.unwrap();
    world.shown(&ada).await;
    world.shown(&eve).await;
    let cost = async |viewer, likes, comments| {
        // Background tasks can only add to the count, hence the least of several.
        let mut least = usize::MAX;
        for _ in 0..10 {
            let before = statements.count();
            let seen = world.get(viewer, &post.id).await.unwrap();
            assert_eq!((seen.likes_count, seen.comments_count), (likes, comments));
            least = least.min(statements.count() - before);
        }
        least
    };
    assert_eq!(
        cost(&eve, 1, 1).await,
        1,
        "the post, its author, its counts"
    );
    world.like(&eve, &post.id).await.unwrap();
    world
        .becomes(ProfileRef {
            visibility: ProfileVisibility::Connections.into(),
            version: 2,
            ..profile(&eve, "eve")
        })
        .await;
    assert_eq!(cost(&ada, 1, 1).await, 1, "eve likes it, hidden from ada");
    assert_eq!(cost(&eve, 2, 1).await, 1, "but not from herself");
    world.comment(&eve, &post.id, "", "hi").await.unwrap();
    assert!(cost(&ada, 1, 1).await > 1, "what she says is too");
    assert!(cost(&eve, 2, 2).await > 1, "but not from herself");
}

#[tokio::test]
async fn pj_3_authors_that_are_not_known_are_asked_for_together_and_stored() {
    let world = World::start().await;
    let ada = world.person("ada");
    let second = world.sibling(&ada, "ada.two");
    world.post(&ada, "1").await;
    world.post(&second, "2").await;
    world.shown(&ada).await;
    // As after a lost projection: own posts are shown, and their authors asked for in one call.
    world.run("delete from feed.profile_ref").await;
    let asked = world.profiles.asked();
    let page = world.feed(&ada, ListFeedRequest::default()).await.unwrap();
    assert!(page.items.iter().all(|post| {
        post.author
            .as_ref()
            .is_some_and(|author| !author.is_deleted)
    }));
    assert_eq!(page.items.len(), 2);
    assert_eq!(world.profiles.asked(), asked + 1);
    world
        .wait_for("select count(*) from feed.profile_ref", 2)
        .await;
}

#[tokio::test]
async fn k_12_no_statement_reads_a_whole_table() {
    let rig = testkit::Rig::start().await;
    let name: String = value(&rig, "select current_database()::text").await;
    rig.owner()
        .execute_unprepared(&format!("alter database {name} set enable_seqscan = off"))
        .await
        .unwrap();
    rig.owner()
        .execute_unprepared(&format!("alter database {name} set jit = off"))
        .await
        .unwrap();
    let world = World::around(rig, Config::default()).await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    let post = world.post(&ada, "see this @eve #x").await;
    let request = CreatePostRequest {
        r#type: PostType::Blog.into(),
        title: Some("T".into()),
        ..general("x")
    };
    world.create(&ada, request).await.unwrap();
    let comment = world.comment(&eve, &post.id, "", "hi @ada").await.unwrap();
    let reply = world
        .comment(&eve, &post.id, &comment.id, "hi")
        .await
        .unwrap();
    world.like(&eve, &post.id).await.unwrap();
    world.uncomment(&eve, &reply.id).await.unwrap();
    let mut stream = world.listen(&ada).await;
    world.post(&eve, "news").await;
    let (news, _) = stream.next().await;
    let used = "select coalesce(min(idx_scan), 0) > 0 from pg_stat_user_tables
      where schemaname = 'feed' and relname in ('posts', 'comments', 'likes', 'post_stats', 'comment_stats', 'profile_ref')";
    // Counts of scans come out of a connection when it works at least a second later.
    world
        .rig
        .eventually(async || {
            for tab in [FeedTab::Latest, FeedTab::Connections, FeedTab::Mine] {
                for filter in [
                    "",
                    r#"{"type":"blog"}"#,
                    r#"{"tags":"x"}"#,
                    r#"{"from":"2020-01-01"}"#,
                ] {
                    let request = ListFeedRequest {
                        tab: tab.into(),
                        ..filtered(filter)
                    };
                    world.feed(&eve, request).await.unwrap();
                }
            }
            for view in [CommentView::Tree, CommentView::Flat] {
                let request = ListCommentsRequest {
                    id: post.id.clone(),
                    view: view.into(),
                    ..Default::default()
                };
                world.comments(None, request).await.unwrap();
            }
            let typed = StreamFeedRequest {
                r#type: PostType::Blog.into(),
                ..Default::default()
            };
            drop(world.stream(&ada, typed).await.unwrap());
            world.post(&eve, "more").await;
            world.resume(&ada, &news).await.next().await;
            let mut fresh = world.listen(&ada).await;
            world.post(&eve, "fresh").await;
            fresh.next().await;
            world.get(&eve, &post.id).await.unwrap();
            world.like(&eve, &post.id).await.unwrap();
            world.unlike(&eve, &post.id).await.unwrap();
            value::<bool>(&world.rig, used).await
        })
        .await;
    let read =
        "select coalesce(string_agg(relname || ' ' || seq_scan, ', '), '') from pg_stat_user_tables
      where schemaname = 'feed' and seq_scan > 0 and relname in
        ('posts', 'comments', 'likes', 'post_stats', 'post_views', 'comment_stats', 'profile_ref')";
    assert_eq!(value::<String>(&world.rig, read).await, "");
}

async fn value<T: TryGetable>(rig: &testkit::Rig, sql: &str) -> T {
    let row = rig
        .owner()
        .query_one_raw(Statement::from_string(DbBackend::Postgres, sql))
        .await
        .unwrap();
    row.unwrap().try_get_by_index(0).unwrap()
}
