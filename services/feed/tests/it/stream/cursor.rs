//! Cursors of the stream: resume without loss or repeat, whatever order things are committed in (ST-3, T53).

use contracts::feed::v1::*;
use identity::Caller;
use sea_orm::{ConnectionTrait, TransactionTrait};
use serde_json::json;
use store::cursor::Binding;
use uuid::Uuid;

use super::after;
use crate::world::{World, fields, general};

const STREAM: &str = "/smilefactory.feed.v1.FeedService/StreamFeed";

/// A post of somebody the feed knows, by SQL, as a transaction of another process writes it.
pub(super) fn insert(who: &Caller, content: &str) -> String {
    format!(
        "insert into feed.posts (id, profile_id, account_id, post_type, content, status, published_at)
         values ('{}', '{}', '{}', 'general', '{content}', 'published', now())",
        Uuid::now_v7(),
        who.profile_id,
        who.account_id
    )
}

#[tokio::test]
async fn st_3_a_stream_goes_on_after_any_of_its_items() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    let mut reader = world.listen(&eve).await;
    let texts: Vec<String> = (0..45).map(|n| n.to_string()).collect();
    let (early, late) = texts.split_at(25);
    for text in early {
        world.post(&ada, text).await;
    }
    let mut cursors = Vec::new();
    for text in early {
        let (cursor, post) = reader.next().await;
        assert_eq!(post.content, *text);
        cursors.push(cursor);
    }
    drop(reader);
    for text in late {
        world.post(&ada, text).await;
    }
    for (index, cursor) in cursors.iter().enumerate() {
        let mut resumed = world.resume(&eve, cursor).await;
        let rest = &texts[index + 1..];
        assert_eq!(resumed.texts(rest.len()).await, rest, "after {index}");
    }
}

#[tokio::test]
async fn st_3_posts_of_one_transaction_are_told_apart() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    world.post(&ada, "before").await;
    let mut reader = world.listen(&eve).await;
    let many: Vec<String> = (0..50).map(|n| insert(&ada, &n.to_string())).collect();
    let transaction = world.rig.owner().begin().await.unwrap();
    for sql in &many {
        transaction.execute_unprepared(sql).await.unwrap();
    }
    transaction.commit().await.unwrap();
    let texts: Vec<String> = (0..50).map(|n| n.to_string()).collect();
    let (first, _) = reader.next().await;
    assert_eq!(reader.texts(49).await, texts[1..]);
    let mut cursor = first;
    for text in &texts[1..] {
        let (next, post) = world.resume(&eve, &cursor).await.next().await;
        assert_eq!(post.content, *text);
        cursor = next;
    }
}

#[tokio::test]
async fn t53_what_is_committed_late_is_sent_late_and_once_and_nobody_waits_for_it() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    world.post(&ada, "before").await;
    let begun_before = world.rig.owner().begin().await.unwrap();
    begun_before
        .execute_unprepared(&insert(&ada, "begun before the stream"))
        .await
        .unwrap();
    let mut reader = world.listen(&eve).await;
    let begun_first = world.rig.owner().begin().await.unwrap();
    begun_first
        .execute_unprepared(&insert(&ada, "begun first"))
        .await
        .unwrap();
    world.post(&ada, "committed first").await;
    let (cursor, post) = reader.next().await;
    assert_eq!(
        post.content, "committed first",
        "the open transactions hold nobody up"
    );
    begun_first.commit().await.unwrap();
    let (second, post) = reader.next().await;
    assert_eq!(post.content, "begun first");
    begun_before.commit().await.unwrap();
    let (_, post) = reader.next().await;
    assert_eq!(
        post.content, "begun before the stream",
        "it was published after"
    );
    world.post(&ada, "last").await;

    let mut resumed = world.resume(&eve, &cursor).await;
    let rest = ["begun before the stream", "begun first", "last"];
    assert_eq!(resumed.texts(3).await, rest);
    let mut resumed = world.resume(&eve, &second).await;
    assert_eq!(resumed.texts(2).await, ["begun before the stream", "last"]);
}

#[tokio::test]
async fn t53_who_stops_in_the_middle_of_a_transaction_gets_its_rest_once_whatever_came_late() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    world.post(&ada, "before").await;
    let begun_first = world.rig.owner().begin().await.unwrap();
    begun_first
        .execute_unprepared(&insert(&ada, "late"))
        .await
        .unwrap();
    let mut reader = world.listen(&eve).await;
    let many = world.rig.owner().begin().await.unwrap();
    for text in ["1", "2", "3"] {
        let sql = insert(&ada, text);
        many.execute_unprepared(&sql).await.unwrap();
    }
    many.commit().await.unwrap();
    world.post(&ada, "after").await;
    let (mut cursor, post) = reader.next().await;
    assert_eq!(post.content, "1");
    begun_first.commit().await.unwrap();
    let mut got = Vec::new();
    for _ in 0..4 {
        let (next, post) = world.resume(&eve, &cursor).await.next().await;
        got.push(post.content);
        cursor = next;
    }
    assert_eq!(got, ["2", "3", "after", "late"]);
    world.post(&ada, "last").await;
    assert_eq!(world.resume(&eve, &cursor).await.texts(1).await, ["last"]);
}

#[tokio::test]
async fn pg_4_a_cursor_is_its_viewers_its_types_and_its_streams() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    let second = world.sibling(&eve, "eve.two");
    let mut reader = world.listen(&eve).await;
    world.post(&ada, "x").await;
    world.post(&ada, "y").await;
    let (cursor, _) = reader.next().await;
    for who in [&ada, &second] {
        let refused = world.stream(who, after(&cursor)).await.map(drop);
        assert_eq!(fields(refused), ["after"]);
    }
    let typed = StreamFeedRequest {
        r#type: PostType::General.into(),
        ..after(&cursor)
    };
    assert_eq!(fields(world.stream(&eve, typed).await.map(drop)), ["after"]);

    let start = ListFeedRequest {
        cursor: Some(String::new()),
        limit: Some(1),
        ..Default::default()
    };
    let page = world.feed(&eve, start).await.unwrap();
    let of_a_list = page.pagination.unwrap().next_cursor.unwrap();
    let mut altered = cursor.clone().into_bytes();
    altered[30] = if altered[30] == b'A' { b'B' } else { b'A' };
    let altered = String::from_utf8(altered).unwrap();
    for wrong in [
        of_a_list.as_str(),
        &altered,
        &cursor[1..],
        "x",
        "'; drop table posts",
    ] {
        let refused = world.stream(&eve, after(wrong)).await.map(drop);
        assert_eq!(fields(refused), ["after"], "{wrong}");
    }
    assert_eq!(world.resume(&eve, &cursor).await.texts(1).await, ["y"]);
}

#[tokio::test]
async fn st_3_who_comes_too_late_is_told_to_read_anew_and_goes_on_from_there() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    world.post(&ada, "missed").await;
    let key = world.rig.keys().derive("feed.cursor");
    let viewer = world.context(&eve).viewer();
    let binding = Binding::new(&key, STREAM, &viewer, &[""]);
    let now = identity::clock::unix();
    let place = |end: u64| json!([end, [], [0, Uuid::nil()]]);
    for (case, cursor) in [
        ("older than 24 h", binding.seal(&place(1_000), now - 86_500)),
        // The database was set back to a copy from before the cursor was made.
        (
            "of another history",
            binding.seal(&place(u64::MAX / 4), now),
        ),
    ] {
        let mut reader = world.resume(&eve, &cursor.unwrap()).await;
        let item = reader.item().await.unwrap().unwrap();
        assert_eq!((&*item.event, &item.post), ("resync", &None), "{case}");
        world.post(&ada, case).await;
        let (_, post) = reader.next().await;
        assert_eq!(post.content, case);
        assert_eq!(
            world.resume(&eve, &item.cursor).await.texts(1).await,
            [case]
        );
    }
    // One of a day is good.
    let whole = binding.seal(&place(1_000), now - 86_000).unwrap();
    let all = ["missed", "older than 24 h", "of another history"];
    assert_eq!(world.resume(&eve, &whole).await.texts(3).await, all);
}

#[tokio::test]
async fn a_stream_without_a_caller_is_refused() {
    let world = World::start().await;
    let refused = world
        .client(None)
        .stream_feed(StreamFeedRequest::default())
        .await;
    assert_eq!(
        crate::world::reason(refused.map(drop)),
        fault::Reason::Unauthorized
    );
    let ada = world.person("ada");
    let _open = world.listen(&ada).await;
    world.create(&ada, general("x")).await.unwrap();
}
