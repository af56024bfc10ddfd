//! Everything, once, in time: writers that race, processes that must be told, and ends.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chassis::Secret;
use contracts::feed::v1::*;
use feed::Config;
use futures_util::future::join_all;
use identity::Caller;

use super::{Reader, only_told};
use crate::replica::Replica;
use crate::wire::Way;
use crate::world::World;

/// Delays every commit that publishes a post by up to 40 ms.
const SLOW_COMMITS: &str = "
  create function feed.slow() returns trigger language plpgsql as $$ begin perform pg_sleep(random() * 0.04); return null; end $$;
  create constraint trigger slow after insert on feed.posts deferrable initially deferred for each row execute function feed.slow()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t53_posts_of_32_writers_with_delayed_commits_come_exactly_once() {
    const WRITERS: usize = 32;
    const EACH: usize = 6;
    let world = World::start().await;
    let eve = world.person("eve");
    let writers: Vec<Caller> = (0..WRITERS)
        .map(|n| world.person(&format!("writer{n}")))
        .collect();
    for who in &writers {
        world.post(who, "known").await;
    }
    world.run(SLOW_COMMITS).await;
    let mut steady = world.listen(&eve).await;
    let mut broken = world.listen(&eve).await;
    let write = join_all(writers.iter().map(async |who| {
        for n in 0..EACH {
            world.post(who, &format!("{} {n}", who.profile_id)).await;
        }
    }));
    let read_on = async {
        let mut got = Vec::new();
        for _ in 0..WRITERS * EACH {
            got.push(steady.next().await.1.content);
        }
        got
    };
    let read_in_pieces = async {
        let mut got = Vec::new();
        for n in 1..=WRITERS * EACH {
            let (cursor, post) = broken.next().await;
            got.push(post.content);
            if n % 3 == 0 {
                broken = world.resume(&eve, &cursor).await;
            }
        }
        got
    };
    let (_, whole, pieces) = tokio::join!(write, read_on, read_in_pieces);
    for got in [whole, pieces] {
        let mut by_writer: HashMap<&str, Vec<&str>> = HashMap::new();
        for text in &got {
            let (who, n) = text.split_once(' ').unwrap();
            by_writer.entry(who).or_default().push(n);
        }
        assert_eq!(by_writer.len(), WRITERS);
        let in_order: Vec<String> = (0..EACH).map(|n| n.to_string()).collect();
        for (who, posts) in by_writer {
            assert_eq!(posts, in_order, "of {who}");
        }
    }
}

async fn listen(replica: &Replica, world: &World, who: &Caller) -> Reader {
    let mut client = replica.client(&world.context(who));
    let opened = client.stream_feed(StreamFeedRequest::default()).await;
    Reader(opened.unwrap().into_inner())
}

#[tokio::test]
async fn a_publication_wakes_the_streams_of_every_process() {
    let world = World::with(only_told()).await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    world.post(&ada, "known").await;
    let replica = Replica::start(world.rig.config().clone(), only_told()).await;
    let mut here = world.listen(&eve).await;
    let mut there = listen(&replica, &world, &eve).await;
    let mut latencies = Vec::new();
    // The first may be published before the other process has subscribed, and is then sent with a later one.
    for _ in 0..20 {
        world.post(&ada, "x").await;
        let sent = tokio::time::timeout(Duration::from_millis(500), there.next());
        if sent.await.is_ok() {
            break;
        }
    }
    for n in 0..10 {
        let text = n.to_string();
        world.post(&ada, &text).await;
        let published = Instant::now();
        while there.next().await.1.content != text {}
        latencies.push(published.elapsed());
        while here.next().await.1.content != text {}
    }
    latencies.sort();
    assert!(
        latencies[5] < testkit::unhurried(Duration::from_secs(1)),
        "{latencies:?}"
    );
}

#[tokio::test]
async fn without_redis_the_streams_are_woken_by_looking() {
    let world = World::with(only_told()).await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    world.post(&ada, "known").await;
    let mut config = world.rig.config().clone();
    let mut way = Way::to(config.redis.url.expose()).await;
    config.redis.url = Secret::new(way.url.clone());
    let replica = Replica::start(config, Config::default()).await;
    let mut reader = listen(&replica, &world, &eve).await;
    world.post(&ada, "1").await;
    assert_eq!(reader.texts(1).await, ["1"]);
    way.close().await;
    for text in ["2", "3", "4"] {
        world.post(&ada, text).await;
        let published = Instant::now();
        assert_eq!(reader.texts(1).await, [text]);
        assert!(published.elapsed() < testkit::unhurried(Duration::from_secs(2)));
    }
}

#[tokio::test]
async fn n_22_a_process_that_stops_ends_its_streams_and_another_goes_on() {
    let world = World::start().await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    world.post(&ada, "known").await;
    let replica = Replica::start(world.rig.config().clone(), Config::default()).await;
    let mut reader = listen(&replica, &world, &eve).await;
    let mut idle = listen(&replica, &world, &ada).await;
    world.post(&ada, "1").await;
    let (cursor, _) = reader.next().await;
    idle.next().await;
    replica.stop.begin();
    assert_eq!(reader.item().await.unwrap(), None, "it ends well");
    assert_eq!(idle.item().await.unwrap(), None);
    let mut late = listen(&replica, &world, &eve).await;
    assert_eq!(late.item().await.unwrap(), None);
    world.post(&ada, "2").await;
    assert_eq!(world.resume(&eve, &cursor).await.texts(1).await, ["2"]);
}
