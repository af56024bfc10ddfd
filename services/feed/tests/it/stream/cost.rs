//! What streams cost: nothing while they are idle, a constant number of statements a batch, nothing once they are left.

use contracts::feed::v1::*;
use futures_util::future::join_all;

use super::{Reader, only_told};
use crate::cost::Observations;
use crate::world::{World, general};

/// Streams that are open at once. What goes on in the background costs less than a statement for each of them.
const STREAMS: usize = 150;

/// Does something while all streams wait for a post: one that nobody asks for the next does nothing.
async fn while_they_wait(
    readers: &mut [Reader],
    doing: impl Future<Output = ()>,
) -> Vec<Vec<String>> {
    let posts = readers.iter_mut().map(|reader| reader.texts(1));
    tokio::join!(join_all(posts), doing).0
}

/// Has the watcher look, as it does after a publication of another process.
async fn look(world: &World, statements: &Observations) {
    let looked = statements.count() + 1;
    let told = world.rig.redis().publish("sf:feed:published", "");
    told.await.unwrap();
    world
        .rig
        .eventually(async || statements.count() >= looked)
        .await;
}

/// The tests of this file run on one thread each, so that a local recorder sees every statement of the test.
#[tokio::test]
async fn an_idle_stream_costs_nothing_and_a_post_one_reading() {
    let statements = Observations::of_statements();
    let _guard = metrics::set_default_local_recorder(&statements);
    let world = World::with(only_told()).await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    let mut readers = Vec::new();
    for _ in 0..STREAMS {
        readers.push(world.listen(&eve).await);
    }
    let mut own = world.listen(&ada).await;
    world.post(&ada, "1").await;
    own.next().await;
    for reader in &mut readers {
        assert_eq!(reader.texts(1).await, ["1"]);
    }
    // Without news they are not woken; nor is anybody twice by a post they may not see and one they may. A batch is of
    // posts, authors and counts, and the first may come alone.
    let draft = CreatePostRequest {
        is_published: Some(false),
        ..general("draft")
    };
    let private = CreatePostRequest {
        visibility: PostVisibility::Private.into(),
        ..general("private")
    };
    let before = statements.count();
    let got = while_they_wait(&mut readers, async {
        for _ in 0..5 {
            look(&world, &statements).await;
        }
        world.create(&ada, draft).await.unwrap();
        look(&world, &statements).await;
        world.create(&ada, private).await.unwrap();
        world.post(&ada, "2").await;
    })
    .await;
    assert!(got.iter().all(|texts| texts == &["2"]), "{got:?}");
    let spent = statements.count() - before;
    assert!(spent < STREAMS * (1 + 3 + 1), "{spent}");
}

/// A copy that was restored to another server has posts of transactions this one will know for long.
#[tokio::test]
async fn posts_of_a_restored_copy_wake_nobody() {
    let statements = Observations::of_statements();
    let _guard = metrics::set_default_local_recorder(&statements);
    let world = World::with(only_told()).await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    world.post(&ada, "restored").await;
    world
        .run("update feed.posts set published_xid = '9000000000000'")
        .await;
    let mut readers = Vec::new();
    for _ in 0..STREAMS {
        readers.push(world.listen(&eve).await);
    }
    world.post(&ada, "1").await;
    for reader in &mut readers {
        assert_eq!(reader.texts(1).await, ["1"]);
    }
    let before = statements.count();
    let got = while_they_wait(&mut readers, async {
        for _ in 0..3 {
            look(&world, &statements).await;
        }
        world.post(&ada, "2").await;
    })
    .await;
    assert!(got.iter().all(|texts| texts == &["2"]), "{got:?}");
    let spent = statements.count() - before;
    assert!(spent < STREAMS * (3 + 1), "{spent}");
}

#[tokio::test]
async fn a_batch_takes_a_constant_number_of_statements() {
    let statements = Observations::of_statements();
    let _guard = metrics::set_default_local_recorder(&statements);
    let world = World::with(only_told()).await;
    let people: Vec<_> = (0..20)
        .map(|n| world.person(&format!("author{n}")))
        .collect();
    let eve = world.person("eve");
    let mut reader = world.listen(&eve).await;
    world.post(&people[0], "first").await;
    let (start, _) = reader.next().await;
    let (one, others) = people.split_at(1);
    let mut costs = Vec::new();
    for (writers, all) in [(one, 1), (others, people.len())] {
        for who in writers {
            world.post(who, "x").await;
        }
        // Background tasks can only add to the count, hence the least of several.
        let mut least = usize::MAX;
        for _ in 0..10 {
            let before = statements.count();
            let mut resumed = world.resume(&eve, &start).await;
            assert_eq!(resumed.texts(all).await.len(), all);
            least = least.min(statements.count() - before);
        }
        costs.push(least);
    }
    assert_eq!(costs, [4, 4], "snapshot, posts, authors, counts");
}

#[tokio::test]
async fn st_5_a_client_that_leaves_ends_the_work() {
    let abandoned = Observations::of("sf_grpc_server_seconds", "ABANDONED");
    let _guard = metrics::set_default_local_recorder(&abandoned);
    let world = World::with(only_told()).await;
    let (ada, eve) = (world.person("ada"), world.person("eve"));
    let mut busy = world.listen(&eve).await;
    let idle = world.listen(&eve).await;
    world.post(&ada, "1").await;
    busy.next().await;
    let before = abandoned.count();
    drop((busy, idle));
    world
        .rig
        .eventually(async || abandoned.count() == before + 2)
        .await;
}
