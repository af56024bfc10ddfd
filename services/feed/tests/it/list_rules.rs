//! The rules of lists on the feed itself (PG-1..PG-4, FL-1..FL-6, T23, T24): what its own columns and search make of them.

use std::collections::BTreeSet;

use chassis::Secret;
use contracts::feed::v1::*;
use fault::{Fault, Reason};
use feed::Config;
use identity::Caller;
use serde_json::{Value, json};

use crate::cost::Observations;
use crate::replica::Replica;
use crate::wire::Way;
use crate::world::{Answer, World, fields, general, reason};

fn filtered(filter: &Value) -> ListFeedRequest {
    ListFeedRequest {
        filter: filter.to_string(),
        ..Default::default()
    }
}

fn searched(search: &str) -> ListFeedRequest {
    ListFeedRequest {
        search: search.to_owned(),
        ..Default::default()
    }
}

fn sorted(sort: &str) -> ListFeedRequest {
    ListFeedRequest {
        sort: sort.to_owned(),
        ..Default::default()
    }
}

async fn texts(world: &World, request: ListFeedRequest) -> Vec<String> {
    let page = world.feed(None, request).await.unwrap();
    page.items.into_iter().map(|post| post.content).collect()
}

#[tokio::test]
async fn t23_a_page_beyond_the_depth_is_refused_without_a_statement() {
    let statements = Observations::of_statements();
    let _guard = metrics::set_default_local_recorder(&statements);
    let world = World::start().await;
    let ada = world.person("ada");
    world.post(&ada, "x").await;
    world.shown(&ada).await;
    for (page, limit) in [
        (1_000_000_000, 20),
        (101, 100),
        (101, 100_000),
        (i32::MAX, i32::MAX),
    ] {
        let deep = ListFeedRequest {
            page: Some(page),
            limit: Some(limit),
            ..Default::default()
        };
        // Background tasks can only add to the count, hence the least of several.
        let mut least = usize::MAX;
        for _ in 0..10 {
            let before = statements.count();
            let refused = Fault::from(world.feed(&ada, deep.clone()).await.unwrap_err());
            least = least.min(statements.count() - before);
            let [violation] = refused.get_violations() else {
                panic!("{refused:?}");
            };
            assert_eq!(violation.field, "page");
            assert!(
                violation.message.contains("cursor"),
                "{}",
                violation.message
            );
        }
        assert_eq!(least, 0, "page {page} of {limit}");
    }
    let last = ListFeedRequest {
        page: Some(500),
        ..Default::default()
    };
    assert!(world.feed(&ada, last).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn pg_2_totals_are_exact_up_to_1000_and_count_only_what_the_viewer_may_see() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    world.post(&ada, "x").await;
    let many = |count: i32, visibility: &str| {
        format!(
            "insert into feed.posts (profile_id, account_id, post_type, content, status, published_at, visibility)
             select profile_id, account_id, 'general', n::text, 'published', now(), '{visibility}'
             from feed.profile_ref, generate_series(1, {count}) n where username = 'ada'"
        )
    };
    world.run(&many(999, "public")).await;
    world.run(&many(10, "private")).await;
    let total = async |who: &Caller| {
        let page = world.feed(who, ListFeedRequest::default()).await.unwrap();
        let pagination = page.pagination.unwrap();
        (pagination.total, pagination.total_pages, page.total_capped)
    };
    assert_eq!(total(&eve).await, (Some(1_000), Some(50), false));
    assert_eq!(total(&ada).await, (Some(1_000), Some(50), true));
    world.run(&many(1, "public")).await;
    assert_eq!(total(&eve).await, (Some(1_000), Some(50), true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i_19_a_walk_is_exact_while_others_write_and_delete() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    let (mut kept, mut doomed) = (BTreeSet::new(), Vec::new());
    for n in 0..60 {
        let id = world.post(&ada, &n.to_string()).await.id;
        if n % 3 == 0 {
            doomed.push(id);
        } else {
            kept.insert(id);
        }
    }
    // As many as possible at the same moment, so that ids decide.
    world
        .run("update feed.posts set published_at = date_trunc('hour', published_at)")
        .await;
    let disturb = async {
        for id in &doomed {
            world.post(&ada, "in between").await;
            world.delete(&ada, id).await.unwrap();
        }
    };
    let (down, up, ()) = tokio::join!(
        walk(&world, &eve, "-publishedAt"),
        walk(&world, &eve, "publishedAt"),
        disturb
    );
    for walked in [down, up] {
        let unique: BTreeSet<String> = walked.iter().cloned().collect();
        assert_eq!(unique.len(), walked.len(), "nothing twice");
        assert!(kept.is_subset(&unique), "nothing left out");
    }
}

/// The ids of the whole feed, three at a time.
async fn walk(world: &World, who: &Caller, sort: &str) -> Vec<String> {
    let (mut walked, mut cursor) = (Vec::new(), Some(String::new()));
    while let Some(from) = cursor {
        let request = ListFeedRequest {
            cursor: Some(from),
            limit: Some(3),
            ..sorted(sort)
        };
        let page = world.feed(who, request).await.unwrap();
        walked.extend(page.items.into_iter().map(|post| post.id));
        cursor = page.pagination.unwrap().next_cursor;
    }
    walked
}

#[tokio::test]
async fn fl_1_fl_2_what_the_feed_has_not_is_refused_by_its_name() {
    let world = World::start().await;
    for (request, field) in [
        (sorted("likes"), "sort"),
        (sorted("-publishedAt,publishedAt"), "sort"),
        (sorted("publishedAt,-publishedAt,publishedAt,x"), "sort"),
        (filtered(&json!({"status": "draft"})), "status"),
        (filtered(&json!({"accountId": "x"})), "accountId"),
        (filtered(&json!({"type": "gossip"})), "type"),
        (filtered(&json!({"type": {"gt": "blog"}})), "type"),
        (filtered(&json!({"tags": {"like": "a"}})), "tags"),
        (filtered(&json!({"authorId": "me"})), "authorId"),
        (filtered(&json!({"featured": "yes"})), "featured"),
        (filtered(&json!({"from": "yesterday"})), "from"),
        (filtered(&json!({"from": {"gte": "2026-01-01"}})), "from"),
        (filtered(&json!({"tags": null})), "tags"),
        (filtered(&json!({"tags": vec!["x"; 51]})), "tags"),
        (filtered(&json!({"tags": "x".repeat(2_048)})), "filter"),
        (filtered(&json!(["type"])), "filter"),
        (searched(&"x".repeat(201)), "search"),
        (searched(&"x ".repeat(13)), "search"),
        (searched("a\0b"), "search"),
    ] {
        let said = format!("{request:?}");
        assert_eq!(fields(world.feed(None, request).await), [field], "{said}");
    }
}

#[tokio::test]
async fn fl_3_search_is_literal_and_folds_case_and_accents() {
    let world = World::start().await;
    let ada = world.person("ada");
    for text in [
        "Crème BRÛLÉE für Ångström",
        "100% of a_b and c\\d",
        "ΑΘΗΝΑ and Straße",
        "nothing of it",
    ] {
        world.post(&ada, text).await;
    }
    for (search, found) in [
        ("creme brulee", 1),
        ("CRÈME", 1),
        ("angstrom FUR", 1),
        ("αθηνα", 1),
        ("strasse", 1),
        ("100%", 1),
        ("%", 1),
        ("a_b", 1),
        ("_", 1),
        ("c\\d", 1),
        ("it nothing of", 1),
        ("it nothing absent", 0),
        ("axb", 0),
        ("n", 4),
    ] {
        assert_eq!(
            texts(&world, searched(search)).await.len(),
            found,
            "{search}"
        );
    }
}

#[tokio::test]
async fn fl_6_tags_are_any_of_however_they_are_given() {
    let world = World::start().await;
    let ada = world.person("ada");
    for tags in [
        vec!["ai"],
        vec!["health"],
        vec!["ai", "health"],
        vec!["green-tech"],
        vec![],
    ] {
        let request = CreatePostRequest {
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            ..general(&format!("tags {}", tags.join(" ")))
        };
        world.create(&ada, request).await.unwrap();
    }
    let either = ["tags ai health", "tags health", "tags ai"];
    for (filter, found) in [
        (json!({"tags": "ai,health"}), either.as_slice()),
        (json!({"tags": ["ai", "health"]}), &either),
        (json!({"tags": {"in": ["health", "ai"]}}), &either),
        (json!({"tags": "#AI"}), &["tags ai health", "tags ai"]),
        (json!({"tags": "Green Tech"}), &["tags green-tech"]),
        (
            json!({"tags": {"contains": ["ai", "health"]}}),
            &["tags ai health"],
        ),
        (
            json!({"tags": {"nin": ["ai", "green-tech"]}}),
            &["tags", "tags health"],
        ),
        (json!({"tags": {"exists": false}}), &["tags"]),
        (json!({"tags": "a,i"}), &[]),
    ] {
        assert_eq!(texts(&world, filtered(&filter)).await, found, "{filter}");
    }
}

/// What somebody might try in any text.
const HOSTILE: [&str; 25] = [
    "' or 1=1 --",
    "'; drop table feed.posts; --",
    "\" or \"\"=\"",
    "') union select null,version() --",
    "$1",
    "$$; select pg_sleep(10); $$",
    "?",
    ":name",
    "%",
    "%%%s%n",
    "_",
    "\\",
    "\\'; select 1 --",
    "{",
    "}",
    "{a,b}",
    "null",
    "NULL::text[]",
    "true) or (true",
    "/* x */",
    "1;select 1",
    "posts.content",
    "\u{ff07} or 1=1",
    "\u{202e}gnp.exe",
    "e'\\x27'",
];

fn hostile_requests() -> Vec<ListFeedRequest> {
    let mut requests = Vec::new();
    for text in HOSTILE {
        requests.extend([
            sorted(text),
            sorted(&format!("publishedAt,{text}")),
            searched(&format!("{text} absent")),
            ListFeedRequest {
                filter: text.to_owned(),
                ..Default::default()
            },
            ListFeedRequest {
                cursor: Some(format!("x{text}")),
                ..Default::default()
            },
            filtered(&json!({ text: "x" })),
            filtered(&json!({ "tags": { text: "x" } })),
            filtered(&json!({ "tags": [text, "absent"] })),
            filtered(&json!({ "tags": { "contains": [text, "absent"] } })),
        ]);
        for name in ["type", "authorId", "groupId", "from", "to", "featured"] {
            requests.push(filtered(&json!({ name: text })));
        }
    }
    requests
}

#[tokio::test]
async fn t24_hostile_lists_are_refused_or_empty_and_make_no_statement_of_their_own() {
    let world = World::start().await;
    let ada = world.person("ada");
    let request = CreatePostRequest {
        tags: vec!["ai".into()],
        ..general("x")
    };
    world.create(&ada, request).await.unwrap();
    let mut config = world.rig.config().clone();
    let way = Way::to(config.database.url.expose()).await;
    let detour = &way.url;
    let mark = if detour.contains('?') { '&' } else { '?' };
    // So that what is said can be read.
    config.database.url = Secret::new(format!("{detour}{mark}sslmode=disable"));
    let replica = Replica::start(config, Config::default()).await;
    let ask = async |request: ListFeedRequest| -> Answer<ListFeedResponse> {
        let mut client = replica.client(&world.context(&ada));
        Ok(client.list_feed(request).await?.into_inner())
    };
    let of_the_list = || -> BTreeSet<String> {
        let statements = way.statements.lock().unwrap();
        let of_posts = statements.iter().filter(|text| text.contains("\"posts\""));
        of_posts.cloned().collect()
    };
    for honest in [
        searched("y"),
        filtered(&json!({"tags": ["a", "b"]})),
        filtered(&json!({"tags": {"contains": ["a", "b"]}})),
    ] {
        assert!(ask(honest).await.unwrap().items.is_empty());
    }
    let honest = of_the_list();
    assert!(honest.len() >= 6, "rows and totals of three: {honest:#?}");
    let hostile = hostile_requests();
    assert!(hostile.len() > 200);
    let mut refused = 0;
    for request in hostile {
        let said = format!("{request:?}");
        match ask(request).await {
            Ok(page) => assert!(page.items.is_empty(), "{said}"),
            Err(status) => {
                assert_eq!(reason::<()>(Err(status)), Reason::ValidationError, "{said}");
                refused += 1;
            }
        }
    }
    assert!(refused > 200, "{refused}");
    assert_eq!(
        of_the_list(),
        honest,
        "no statement that honest requests do not make"
    );
    assert_eq!(world.shown(&ada).await.len(), 1);
}
