//! Views: one per viewer, post and UTC day, counted exactly (FD-19, N-34).

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use contracts::feed::v1::feed_service_client::FeedServiceClient;
use contracts::feed::v1::*;
use fault::Reason;
use feed::Config;
use futures_util::future::join_all;
use identity::Context;
use identity::internal::ServiceKeys;
use sea_orm::{ConnectionTrait, TransactionTrait};
use testkit::Rig;

use crate::world::{World, general, reason};

const QUICK: u64 = 50;

async fn world() -> World {
    World::with(Config {
        flush_views_every_ms: QUICK,
        ..Config::default()
    })
    .await
}

/// Waits until so many views are stored, and sees that the counters say the same.
async fn stored(world: &World, rows: i64) {
    world
        .wait_for("select count(*) from feed.post_views", rows)
        .await;
    let counted: i64 = world
        .value("select sum(views)::bigint from feed.post_stats", vec![])
        .await;
    assert_eq!(counted, rows);
}

#[tokio::test]
async fn fd_19_a_view_counts_once_per_viewer_and_day_and_never_the_authors() {
    let world = world().await;
    let (ada, bob) = (world.person("ada"), world.person("bob"));
    let second = world.sibling(&ada, "ada.two");
    let post = world.post(&ada, "x").await;
    let secret = CreatePostRequest {
        visibility: PostVisibility::Private.into(),
        ..general("x")
    };
    let secret = world.create(&ada, secret).await.unwrap();
    for who in [&ada, &second, &bob, &bob] {
        world.get(who, &post.id).await.unwrap();
    }
    assert_eq!(reason(world.get(&bob, &secret.id).await), Reason::NotFound);
    world.get(None, &post.id).await.unwrap();
    world.get(None, &post.id).await.unwrap();
    stored(&world, 2).await;

    world
        .run("update feed.post_views set day = day - 1 where day >= (now() at time zone 'utc')::date")
        .await;
    world.get(&bob, &post.id).await.unwrap();
    stored(&world, 3).await;

    // Counting changes nothing about the post (D13), and everybody is shown the same number (VIS-8).
    let now = world.get(&ada, &post.id).await.unwrap();
    assert_eq!((now.views_count, now.version), (3, post.version));
    assert_eq!(now.updated_at, post.updated_at);
    let page = world.feed(None, ListFeedRequest::default()).await.unwrap();
    assert_eq!(page.items[0].views_count, 3);
    let readable = format!(
        "select count(*) from feed.post_views where encode(viewer_key, 'hex') like '%{}%'",
        bob.profile_id.simple()
    );
    assert_eq!(world.value::<i64>(&readable, vec![]).await, 0);
}

#[tokio::test]
async fn fd_19_nobody_in_particular_is_told_apart_by_address() {
    let world = world().await;
    let ada = world.person("ada");
    let post = world.post(&ada, "x").await;
    let secret = world.rig.keys().derive("service keys");
    let edge = ServiceKeys::derived("edge", &secret, chassis::SERVICES).unwrap();
    for last in [1, 2, 1, 3, 2] {
        let ip = IpAddr::V4(Ipv4Addr::new(192, 0, 2, last));
        let ctx = Context::for_anonymous(&edge, Some(ip), "request", Duration::from_secs(30));
        let id = post.id.clone();
        FeedServiceClient::new(world.rig.channel("feed", &ctx))
            .get_post(GetPostRequest { id })
            .await
            .unwrap();
    }
    stored(&world, 3).await;
}

#[tokio::test]
async fn fd_19_of_50_parallel_views_of_one_viewer_one_counts() {
    let world = world().await;
    let (ada, bob) = (world.person("ada"), world.person("bob"));
    let post = world.post(&ada, "x").await;
    let seen = join_all((0..50).map(|_| world.get(&bob, &post.id))).await;
    assert!(seen.iter().all(Result::is_ok));
    stored(&world, 1).await;
    let others: Vec<_> = (0..20).map(|n| world.person(&format!("p{n}"))).collect();
    let (world, post) = (&world, &post);
    join_all(others.iter().map(async |who| {
        world.get(who, &post.id).await.unwrap();
        world.like(who, &post.id).await.unwrap();
    }))
    .await;
    stored(world, 21).await;
    assert_eq!(world.get(&ada, &post.id).await.unwrap().likes_count, 20);
}

#[tokio::test]
async fn fd_19_a_view_that_waits_for_a_like_loses_neither() {
    let world = world().await;
    let (ada, bob) = (world.person("ada"), world.person("bob"));
    let post = world.post(&ada, "x").await;
    let like = world.rig.owner().begin().await.unwrap();
    let sql = format!(
        "update feed.post_stats set likes = likes + 1 where post_id = '{}'",
        post.id
    );
    like.execute_unprepared(&sql).await.unwrap();
    world.get(&bob, &post.id).await.unwrap();
    let waiting = "select count(*) from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and query like '%post_views%'";
    world.wait_for(waiting, 1).await;
    like.commit().await.unwrap();
    stored(&world, 1).await;
    let likes: i32 = world
        .value("select likes from feed.post_stats", vec![])
        .await;
    assert_eq!(likes, 1);
}

#[tokio::test]
async fn fd_19_what_waits_is_stored_when_the_process_stops() {
    let world = World::with(Config {
        flush_views_every_ms: 3_600_000,
        ..Config::default()
    })
    .await;
    let (ada, bob) = (world.person("ada"), world.person("bob"));
    let post = world.post(&ada, "x").await;
    world.get(&bob, &post.id).await.unwrap();
    world.rig.stop();
    stored(&world, 1).await;
    // As the last requests of a process do.
    world.get(None, &post.id).await.unwrap();
    stored(&world, 2).await;
}

#[tokio::test]
async fn n_34_views_are_kept_for_40_days() {
    let rig = Rig::start().await;
    let old = "insert into feed.post_views (post_id, viewer_key, day)
      select gen_random_uuid(), sha256(age::text::bytea), (now() at time zone 'utc')::date - age
      from unnest(array[0, 39, 41, 400]) as age";
    rig.owner().execute_unprepared(old).await.unwrap();
    let world = World::around(rig, Config::default()).await;
    world
        .wait_for("select count(*) from feed.post_views", 2)
        .await;
    let oldest =
        "select ((now() at time zone 'utc')::date - min(day))::bigint from feed.post_views";
    assert_eq!(world.value::<i64>(oldest, vec![]).await, 39);
}
