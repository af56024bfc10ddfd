//! The feed as a list: tabs, filters, search, pages, cursors, and what it costs.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use contracts::feed::v1::*;
use fault::Reason;
use feed::Config;
use metrics::{
    Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use prost_types::FieldMask;
use sea_orm::{ConnectionTrait, DbBackend, Statement, TryGetable};

use crate::world::{World, fields, general, reason};

fn filtered(filter: &str) -> ListFeedRequest {
    ListFeedRequest {
        filter: filter.into(),
        ..Default::default()
    }
}

fn contents(page: &ListFeedResponse) -> Vec<&str> {
    page.items
        .iter()
        .map(|post| post.content.as_str())
        .collect()
}

#[tokio::test]
async fn the_feed_is_sorted_filtered_and_searched() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    let first = CreatePostRequest {
        tags: vec!["ai".into()],
        ..general("Crème brûlée recipes: 100% good")
    };
    let first = world.create(&ada, first).await.unwrap();
    let second = CreatePostRequest {
        r#type: PostType::Project.into(),
        title: Some("An INNOVATION".into()),
        tags: vec!["ai".into(), "health".into()],
        ..general("second")
    };
    world.create(&eve, second).await.unwrap();
    world.post(&eve, "third_one").await;

    let all = ["third_one", "second", "Crème brûlée recipes: 100% good"];
    let (author, from) = (ada.profile_id, "2020-01-01T00:00:00Z");
    for (request, want) in [
        (ListFeedRequest::default(), all.to_vec()),
        (
            ListFeedRequest {
                sort: "publishedAt".into(),
                ..Default::default()
            },
            all.iter().rev().copied().collect(),
        ),
        (filtered(r#"{"type":"project"}"#), vec!["second"]),
        (filtered(r#"{"type":["project","GENERAL"]}"#), all.to_vec()),
        (filtered(r#"{"tags":["health","none"]}"#), vec!["second"]),
        (filtered(r#"{"tags":"AI"}"#), all[1..].to_vec()),
        (
            filtered(&format!(r#"{{"authorId":"{author}"}}"#)),
            all[2..].to_vec(),
        ),
        (filtered(&format!(r#"{{"from":"{from}"}}"#)), all.to_vec()),
        (filtered(&format!(r#"{{"to":"{from}"}}"#)), vec![]),
        (filtered(r#"{"featured":true}"#), vec![]),
        (
            ListFeedRequest {
                search: "creme BRULEE".into(),
                ..Default::default()
            },
            all[2..].to_vec(),
        ),
        (
            ListFeedRequest {
                search: "innov".into(),
                ..Default::default()
            },
            vec!["second"],
        ),
        (
            ListFeedRequest {
                search: "100%".into(),
                ..Default::default()
            },
            all[2..].to_vec(),
        ),
        (
            ListFeedRequest {
                search: "d_o".into(),
                ..Default::default()
            },
            vec!["third_one"],
        ),
        (
            ListFeedRequest {
                search: "%".into(),
                ..Default::default()
            },
            all[2..].to_vec(),
        ),
    ] {
        let page = world.feed(None, request.clone()).await.unwrap();
        assert_eq!(contents(&page), want, "{request:?}");
    }
    for (request, field) in [
        (
            ListFeedRequest {
                sort: "likes".into(),
                ..Default::default()
            },
            "sort",
        ),
        (
            ListFeedRequest {
                page: Some(0),
                ..Default::default()
            },
            "page",
        ),
        (
            ListFeedRequest {
                limit: Some(0),
                ..Default::default()
            },
            "limit",
        ),
        (
            ListFeedRequest {
                page: Some(101),
                limit: Some(100),
                ..Default::default()
            },
            "page",
        ),
        (
            ListFeedRequest {
                search: "x".repeat(201),
                ..Default::default()
            },
            "search",
        ),
        (
            ListFeedRequest {
                cursor: Some("rubbish".into()),
                ..Default::default()
            },
            "cursor",
        ),
        (
            ListFeedRequest {
                cursor: Some(String::new()),
                page: Some(1),
                ..Default::default()
            },
            "cursor",
        ),
    ] {
        assert_eq!(fields(world.feed(None, request).await), [field]);
    }
    for filter in [
        "{",
        r#"{"content":"x"}"#,
        r#"{"type":"poem"}"#,
        r#"{"authorId":"x"}"#,
        r#"{"from":"soon"}"#,
    ] {
        assert_eq!(
            reason(world.feed(None, filtered(filter)).await),
            Reason::ValidationError,
            "{filter}"
        );
    }
    assert_eq!(world.get(None, &first.id).await.unwrap().tags, ["ai"]);
}

#[tokio::test]
async fn tabs_show_connections_and_own_posts_and_need_a_token() {
    let world = World::start().await;
    let (ada, bob, eve) = (
        world.person("ada"),
        world.person("bob"),
        world.person("eve"),
    );
    let second = world.sibling(&ada, "ada.two");
    for who in [&ada, &second, &bob, &eve] {
        world.post(who, &who.profile_id.to_string()).await;
    }
    world.connect(&ada, &bob).await;
    let tab = |tab: FeedTab| ListFeedRequest {
        tab: tab.into(),
        ..Default::default()
    };
    let ids = |callers: &[&identity::Caller]| {
        callers
            .iter()
            .map(|who| who.profile_id.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        contents(&world.feed(&ada, tab(FeedTab::Connections)).await.unwrap()),
        ids(&[&bob])
    );
    assert_eq!(
        contents(&world.feed(&ada, tab(FeedTab::Mine)).await.unwrap()),
        ids(&[&second, &ada])
    );
    assert_eq!(
        contents(&world.feed(&ada, tab(FeedTab::Latest)).await.unwrap()).len(),
        4
    );
    for part in [FeedTab::Connections, FeedTab::Mine] {
        assert_eq!(
            reason(world.feed(None, tab(part)).await),
            Reason::Unauthorized
        );
    }
}

#[tokio::test]
async fn pg_2_page_mode_counts_what_the_viewer_may_see() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    for n in 0..7 {
        let visibility = if n < 2 {
            PostVisibility::Private
        } else {
            PostVisibility::Public
        };
        let request = CreatePostRequest {
            visibility: visibility.into(),
            ..general(&n.to_string())
        };
        world.create(&ada, request).await.unwrap();
    }
    let page = |number: i32| ListFeedRequest {
        page: Some(number),
        limit: Some(2),
        ..Default::default()
    };
    for (who, total, pages) in [(&eve, 5, 3), (&ada, 7, 4)] {
        let first = world.feed(who, page(1)).await.unwrap().pagination.unwrap();
        assert_eq!(
            (
                first.total,
                first.total_pages,
                first.has_next,
                first.has_prev
            ),
            (Some(total), Some(pages), true, false)
        );
        let last = world.feed(who, page(pages)).await.unwrap();
        assert_eq!(last.items.len(), 1);
        assert!(!last.pagination.unwrap().has_next);
    }
    let most = world
        .feed(
            &ada,
            ListFeedRequest {
                limit: Some(1000),
                ..Default::default()
            },
        )
        .await
        .unwrap();
    assert_eq!(most.pagination.unwrap().limit, 100);
}

#[tokio::test]
async fn i_19_a_walk_returns_what_exists_throughout_exactly_once() {
    let world = World::start().await;
    let ada = world.person("ada");
    let mut expected = Vec::new();
    for n in 0..23 {
        expected.push(world.post(&ada, &n.to_string()).await.id);
    }
    // Rows with the same time are told apart by their ids.
    world
        .run("update feed.posts set published_at = date_trunc('minute', published_at)")
        .await;
    let doomed = expected.remove(5);
    let mut walked = Vec::new();
    let mut cursor = Some(String::new());
    while let Some(from) = cursor {
        let request = ListFeedRequest {
            cursor: Some(from),
            limit: Some(4),
            ..Default::default()
        };
        let page = world.feed(None, request).await.unwrap();
        let pagination = page.pagination.unwrap();
        assert_eq!(
            (pagination.page, pagination.total, pagination.total_pages),
            (None, None, None)
        );
        walked.extend(page.items.into_iter().map(|post| post.id));
        cursor = pagination.next_cursor;
        world.post(&ada, "new in between").await;
        if walked.len() == 4 {
            world.delete(&ada, &doomed).await.unwrap();
        }
    }
    let unique: HashSet<_> = walked.iter().collect();
    assert_eq!(unique.len(), walked.len());
    assert!(expected.iter().all(|id| unique.contains(id)));
    assert!(walked.len() <= 24);
}

#[tokio::test]
async fn i_20_a_cursor_is_good_for_its_viewer_filter_sort_and_tab_only() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    for n in 0..3 {
        world.post(&ada, &n.to_string()).await;
    }
    let start = ListFeedRequest {
        cursor: Some(String::new()),
        limit: Some(1),
        ..Default::default()
    };
    let cursor = world
        .feed(&ada, start.clone())
        .await
        .unwrap()
        .pagination
        .unwrap()
        .next_cursor
        .unwrap();
    let with = |request: ListFeedRequest| ListFeedRequest {
        cursor: Some(cursor.clone()),
        limit: Some(1),
        ..request
    };
    assert_eq!(
        contents(&world.feed(&ada, with(start.clone())).await.unwrap()),
        ["1"]
    );

    assert_eq!(
        fields(world.feed(&eve, with(start.clone())).await),
        ["cursor"]
    );
    assert_eq!(
        fields(world.feed(None, with(start.clone())).await),
        ["cursor"]
    );
    for other in [
        filtered(r#"{"type":"general"}"#),
        ListFeedRequest {
            sort: "publishedAt".into(),
            ..Default::default()
        },
        ListFeedRequest {
            search: "x".into(),
            ..Default::default()
        },
        ListFeedRequest {
            tab: FeedTab::Mine.into(),
            ..Default::default()
        },
    ] {
        assert_eq!(fields(world.feed(&ada, with(other)).await), ["cursor"]);
    }
    let altered = ListFeedRequest {
        cursor: Some(format!("A{}", &cursor[1..])),
        ..start
    };
    assert_eq!(fields(world.feed(&ada, altered).await), ["cursor"]);
}

/// Counts the statements of one service on this thread.
#[derive(Clone, Default)]
struct Statements(Arc<AtomicUsize>);

impl HistogramFn for Statements {
    fn record(&self, _: f64) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Recorder for Statements {
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
        let of_feed = key
            .labels()
            .any(|label| label.key() == "service" && label.value() == "feed");
        if key.name() == "sf_db_query_seconds" && of_feed {
            Histogram::from_arc(Arc::new(self.clone()))
        } else {
            Histogram::noop()
        }
    }
}

/// The tests of this file run on one thread each, so that a local recorder sees every statement of the test.
#[tokio::test]
async fn the_feed_takes_a_constant_number_of_statements_and_calls() {
    let statements = Statements::default();
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
            let before = statements.0.load(Ordering::SeqCst);
            let request = ListFeedRequest {
                limit: Some(limit),
                ..Default::default()
            };
            let page = world.feed(&people[0], request).await.unwrap();
            assert_eq!(page.items.len(), usize::try_from(limit).unwrap());
            least = least.min(statements.0.load(Ordering::SeqCst) - before);
        }
        costs.push(least);
    }
    assert_eq!(costs, [4, 4], "total, posts, authors, counts");
    assert_eq!(world.profiles.asked(), asked, "everybody is known");
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
            world.like(&eve, &post.id).await.unwrap();
            world.unlike(&eve, &post.id).await.unwrap();
            value::<bool>(&world.rig, used).await
        })
        .await;
    let read =
        "select coalesce(string_agg(relname || ' ' || seq_scan, ', '), '') from pg_stat_user_tables
      where schemaname = 'feed' and seq_scan > 0 and relname in
        ('posts', 'comments', 'likes', 'post_stats', 'comment_stats', 'profile_ref')";
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

#[tokio::test]
async fn fl_4_an_update_mask_of_unknown_fields_is_refused() {
    let world = World::start().await;
    let ada = world.person("ada");
    let post = world.post(&ada, "x").await;
    let mask = FieldMask {
        paths: vec!["likes_count".into()],
    };
    let request = UpdatePostRequest {
        id: post.id.clone(),
        update_mask: Some(mask),
        ..Default::default()
    };
    assert_eq!(fields(world.update(&ada, request).await), ["updateMask"]);
    assert_eq!(world.published("PostUpdated").await, 0);
}
