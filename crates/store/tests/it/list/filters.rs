//! What the filters find.

use store::list::ListRequest;

use super::{BUSY, column, fill, page, parse, rig, thing, titles};
use sea_orm::{EntityTrait as _, QueryFilter as _};

const ROWS: &str = "insert into feed.thing (title, colour, owner, open, count, at, tags, price) values
    ('Ärger mit 100%', 'red', '00000000-0000-0000-0000-000000000001', true, 1, '2026-01-01T00:00:00Z', '{a,b}', 1.50),
    ('bert_x', 'green', null, false, 2, '2026-01-02T00:00:00Z', '{b}', null),
    ('carl', 'dark_blue', '00000000-0000-0000-0000-000000000002', true, 3, '2026-01-03T00:00:00Z', '{}', 20)";

/// The first letters of what a filter finds, by title.
async fn found(rig: &testkit::Rig, filter: &str) -> String {
    let request = ListRequest {
        filter,
        sort: "title",
        ..ListRequest::default()
    };
    let mut letters: Vec<char> = titles(rig, &request)
        .await
        .iter()
        .map(|title| title.to_lowercase().replace('ä', "a").remove(0))
        .collect();
    // The order is the database's collation's business.
    letters.sort_unstable();
    letters.into_iter().collect()
}

#[tokio::test]
async fn fl_2_every_operator_finds_what_it_says() {
    let rig = rig().await;
    fill(&rig, ROWS).await;
    for (filter, rows) in [
        ("", "abc"),
        ("{}", "abc"),
        (r#"{"title":"carl"}"#, "c"),
        (r#"{"title":{"ne":"carl"}}"#, "ab"),
        (r#"{"title":{"contains":"ARGER"}}"#, "a"),
        (r#"{"title":{"contains":"%"}}"#, "a"),
        (r#"{"title":{"contains":"t_"}}"#, "b"),
        (r#"{"title":{"gte":"bert_x","lt":"carl"}}"#, "b"),
        (r#"{"colour":"Dark-Blue"}"#, "c"),
        (r#"{"colour":"lime"}"#, "b"),
        (r#"{"colour":["red","lime"]}"#, "ab"),
        (r#"{"colour":"red,green"}"#, "ab"),
        (r#"{"colour":{"nin":["red","lime"]}}"#, "c"),
        (r#"{"owner":"00000000-0000-0000-0000-000000000001"}"#, "a"),
        (
            r#"{"owner":{"ne":"00000000-0000-0000-0000-000000000001"}}"#,
            "bc",
        ),
        (
            r#"{"owner":{"nin":["00000000-0000-0000-0000-000000000001"]}}"#,
            "bc",
        ),
        (r#"{"owner":{"exists":true}}"#, "ac"),
        (r#"{"owner":{"exists":"false"}}"#, "b"),
        (r#"{"open":false}"#, "b"),
        (r#"{"open":"true"}"#, "ac"),
        (r#"{"count":"2"}"#, "b"),
        (r#"{"count":[1,3,1]}"#, "ac"),
        (r#"{"count":{"gt":1,"lte":3}}"#, "bc"),
        (r#"{"at":{"gt":"2026-01-01T01:00:00+01:00"}}"#, "bc"),
        (r#"{"at":{"lt":"2026-01-02"}}"#, "a"),
        (r#"{"tags":"a,zz"}"#, "a"),
        (r#"{"tags":["b"]}"#, "ab"),
        (r#"{"tags":{"contains":["a","b"]}}"#, "a"),
        (r#"{"tags":{"nin":["a"]}}"#, "bc"),
        (r#"{"tags":{"exists":false}}"#, "c"),
        (r#"{"price":1.5}"#, "a"),
        (r#"{"price":{"gte":"1.50"}}"#, "ac"),
        (r#"{"price":{"exists":false}}"#, "b"),
        (r#"{"open":true,"count":{"gt":1}}"#, "c"),
    ] {
        assert_eq!(found(&rig, filter).await, rows, "{filter}");
    }
}

#[tokio::test]
async fn t_24_hostile_values_are_values() {
    let rig = rig().await;
    fill(&rig, ROWS).await;
    for value in [
        "' or true --",
        "$1",
        "?",
        "{a,b}",
        "\\",
        "%",
        "null",
        "'; drop table feed.thing; --",
        "\u{feff}",
        "a\"b",
    ] {
        let json = serde_json::Value::from(value);
        for filter in [
            format!(r#"{{"title":{json}}}"#),
            format!(r#"{{"tags":[{json}]}}"#),
            format!(r#"{{"title":[{json},{json}]}}"#),
        ] {
            assert_eq!(found(&rig, &filter).await, "", "{filter}");
        }
    }
    assert_eq!(found(&rig, "").await, "abc");
}

#[tokio::test]
async fn fl_3_every_word_must_occur_case_and_accents_folded() {
    let rig = rig().await;
    fill(&rig, ROWS).await;
    for (search, expected) in [
        ("arger", 1),
        ("MIT ärger", 1),
        ("100%", 1),
        ("_", 1),
        ("arger carl", 0),
        ("a.c", 0),
        ("r", 3),
    ] {
        let query = parse(
            &BUSY,
            &ListRequest {
                search,
                ..ListRequest::default()
            },
        )
        .unwrap();
        let select = thing::Entity::find().filter(query.search().unwrap().within(&["thing.title"]));
        let page: store::list::Page<thing::Model> = query
            .page(rig.db("feed").connection(), select, column)
            .await
            .unwrap();
        assert_eq!(page.items.len(), expected, "{search}");
        assert_eq!(page.pagination.total, i32::try_from(expected).ok());
    }
}

#[tokio::test]
async fn a_filter_taken_out_is_the_services_own() {
    let rig = rig().await;
    fill(&rig, ROWS).await;
    let request = ListRequest {
        filter: r#"{"open":true,"count":{"gt":1,"lt":3}}"#,
        ..ListRequest::default()
    };
    let mut query = parse(&BUSY, &request).unwrap();
    assert_eq!(query.take("count").len(), 2);
    assert_eq!(query.filters().len(), 1);
    let page: store::list::Page<thing::Model> = query
        .page(rig.db("feed").connection(), thing::Entity::find(), column)
        .await
        .unwrap();
    assert_eq!(page.items.len(), 2);
}

#[tokio::test]
async fn cv_7_an_empty_list_is_a_page() {
    let rig = rig().await;
    let page = page(&rig, &BUSY, &ListRequest::default()).await.unwrap();
    assert!(
        page.items.is_empty() && !page.pagination.has_next && page.pagination.next_cursor.is_none()
    );
    assert_eq!(
        (page.pagination.total, page.pagination.total_pages),
        (Some(0), Some(0))
    );
}
