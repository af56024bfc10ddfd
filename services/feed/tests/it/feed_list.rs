//! The feed as a list: tabs, filters, search, pages, cursors.

use std::collections::HashSet;

use contracts::feed::v1::*;
use fault::Reason;
use prost_types::FieldMask;

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
