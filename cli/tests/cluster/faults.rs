//! What breaks, and what the system does then: the scenarios of the bench, with less of everything.
//!
//! What must hold on any machine is checked here; how fast it is belongs to the bench.

use std::time::Duration;

use bench::deployment::Ask;
use bench::faults::kills::{self, Victim};
use bench::faults::{Stage, logout, postgres, redis};
use testkit::eventually;

use super::SHARED;

/// A file system that forgets is no fault of this test's: processes are killed, the machine is not.
const POSTGRES: &[&str] = &["fsync=off", "full_page_writes=off"];

/// Requests in a row after which a replica that hangs counts as skipped.
const IN_A_ROW: usize = 30;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_breaks_is_missed_by_nobody_for_long() {
    let binary = env!("CARGO_BIN_EXE_smilefactory").into();
    // DL-4: everything is started on a database without a schema, waits, and is ready once `migrate up` has run.
    let mut stage = Stage::start(binary, SHARED, "", POSTGRES).await.unwrap();
    // I-12: REST, gRPC, gRPC-Web and an open stream, at the edge that was not told.
    logout::run(&stage.cluster.entry).await.unwrap();
    t47_a_replica_that_hangs_is_skipped(&mut stage).await;
    t44_an_emptied_redis_revives_nobody_and_loses_nothing(&mut stage).await;
    t46_without_postgresql_everything_is_503_until_it_is_back(&mut stage).await;
    i_7_what_was_acknowledged_outlives_any_kill(&mut stage).await;
    stage.stop().await.unwrap();
}

async fn t47_a_replica_that_hangs_is_skipped(stage: &mut Stage) {
    let cluster = &mut stage.cluster;
    let session = cluster
        .entry
        .sign_in(0, "patient@example.com")
        .await
        .unwrap();
    let entry = cluster.entry.clone();
    cluster
        .process("feed-0")
        .unwrap()
        .signal("STOP")
        .await
        .unwrap();
    eventually(|| async {
        for nth in 0..IN_A_ROW {
            let ask = Ask::get("/api/v1/feed?limit=1").token(&session.access);
            let reply = entry.edges[nth % 2].send(&ask).await;
            if !reply.is_ok_and(|it| it.status == 200) {
                return false;
            }
        }
        true
    })
    .await;
    cluster
        .process("feed-0")
        .unwrap()
        .signal("CONT")
        .await
        .unwrap();
    cluster.process("feed-0").unwrap().ready().await.unwrap();
}

async fn t44_an_emptied_redis_revives_nobody_and_loses_nothing(stage: &mut Stage) {
    let found = redis::run(stage, 3, Duration::ZERO).await.unwrap();
    assert!(found.wrong.is_empty(), "{:#?}", found.wrong);
    assert!(found.looks > 0, "somebody tried the session that had ended");
}

async fn t46_without_postgresql_everything_is_503_until_it_is_back(stage: &mut Stage) {
    let found = postgres::run(stage, 6, Duration::from_secs(2))
        .await
        .unwrap();
    assert!(
        found.wrong.is_empty(),
        "of {}: {:?}",
        found.refused,
        found.wrong
    );
    let most = found.connections.values().copied().max().unwrap();
    assert!((1..=found.pool).contains(&most), "{:?}", found.connections);
}

async fn i_7_what_was_acknowledged_outlives_any_kill(stage: &mut Stage) {
    let process = |name: &str| Victim::Process(name.to_owned());
    let victims = [
        process("feed-1"),
        Victim::Redis,
        process("auth-0"),
        Victim::Postgres,
    ];
    let kept = kills::run(stage, &victims).await.unwrap();
    assert!(kept.wrong.is_empty(), "{:#?}", kept.wrong);
}
