//! The feed of revocations: AU-9, I-12, N-5.

use std::time::{Duration, Instant};

use contracts::auth::v1::auth_service_client::AuthServiceClient;
use contracts::auth::v1::*;
use fault::{Fault, Reason};
use tonic::Streaming;

use crate::world::{Guest, World, fresh_address};

async fn watch(world: &World, after: i64) -> Streaming<RevocationBatch> {
    let request = WatchRevocationsRequest { after };
    let reply = world
        .client(&world.rig.anonymous())
        .watch_revocations(request)
        .await;
    reply.expect("a stream").into_inner()
}

async fn logout(world: &World, guest: &Guest) {
    world
        .client(&guest.ctx)
        .logout(LogoutRequest::default())
        .await
        .expect("signed out");
}

/// Reads batches until one holds a revocation.
async fn next(stream: &mut Streaming<RevocationBatch>) -> Revocation {
    loop {
        let batch = stream.message().await.expect("no error").expect("no end");
        if let Some(revocation) = batch.revocations.into_iter().next() {
            return revocation;
        }
    }
}

#[tokio::test]
async fn au_9_a_revocation_reaches_every_watcher_within_two_seconds() {
    let world = World::start().await;
    let guest = world.sign_in(&fresh_address()).await;
    let (mut one, mut two) = (watch(&world, 0).await, watch(&world, 0).await);
    for stream in [&mut one, &mut two] {
        assert!(
            stream
                .message()
                .await
                .expect("a batch")
                .expect("a batch")
                .revocations
                .is_empty()
        );
    }
    let begun = Instant::now();
    logout(&world, &guest).await;
    for stream in [&mut one, &mut two] {
        let revocation = next(stream).await;
        assert_eq!(revocation.kind(), RevocationKind::Session);
        assert_eq!(revocation.subject_id, guest.claims.sid.to_string());
        let (effective, expires) = (
            revocation.effective_at.expect("a time").seconds,
            revocation.expires_at.expect("a time").seconds,
        );
        assert!(
            effective >= guest.claims.iat && expires > guest.claims.exp,
            "no token it hits lives longer"
        );
    }
    assert!(begun.elapsed() < testkit::unhurried(Duration::from_secs(2)));
}

#[tokio::test]
async fn au_9_heartbeats_come_at_least_every_500_milliseconds() {
    let world = World::start().await;
    let mut stream = watch(&world, 0).await;
    stream.message().await.expect("the first batch");
    // The first heartbeat may wait for the poller to notice that somebody listens.
    stream.message().await.expect("a heartbeat");
    let mut pauses = Vec::new();
    for _ in 0..9 {
        let begun = Instant::now();
        let batch = stream
            .message()
            .await
            .expect("a heartbeat")
            .expect("a batch");
        assert!(batch.revocations.is_empty());
        pauses.push(begun.elapsed());
    }
    // The median: a busy machine may hold one of them up, the pace is what is promised.
    pauses.sort();
    assert!(
        pauses[4] < testkit::unhurried(Duration::from_millis(250)),
        "{pauses:?}"
    );
    // A feed silent for 2 s counts as stale at the edge (AU-9); none of them may come near that.
    assert!(
        pauses[8] < testkit::unhurried(Duration::from_secs(2)),
        "{pauses:?}"
    );
}

#[tokio::test]
async fn au_9_a_new_watcher_gets_what_is_unexpired_and_a_returning_one_what_it_lacks() {
    let world = World::start().await;
    let insert = |kind: &str, effective: &str, expires: &str| {
        format!(
            "insert into account.revocations (kind, subject_id, effective_at, expires_at) values
             ('{kind}', gen_random_uuid(), now() + interval '{effective}', now() + interval '{expires}')"
        )
    };
    world.sql(&insert("session", "-2 hours", "-1 second")).await;
    world.sql(&insert("account", "-1 minute", "1 hour")).await;
    world.sql(&insert("profile", "-1 minute", "1 hour")).await;
    world.sql(&insert("role", "-10 seconds", "1 hour")).await;
    let kinds = |batch: RevocationBatch| -> Vec<RevocationKind> {
        batch.revocations.iter().map(Revocation::kind).collect()
    };
    let all = watch(&world, 0)
        .await
        .message()
        .await
        .expect("a batch")
        .expect("a batch");
    let highest = all
        .revocations
        .iter()
        .map(|row| row.seq)
        .max()
        .expect("rows");
    let seqs: Vec<i64> = all.revocations.iter().map(|row| row.seq).collect();
    assert_eq!(
        kinds(all),
        [
            RevocationKind::Account,
            RevocationKind::Profile,
            RevocationKind::Role
        ]
    );
    let lacking = watch(&world, seqs[0])
        .await
        .message()
        .await
        .expect("a batch")
        .expect("a batch");
    assert_eq!(
        kinds(lacking),
        [RevocationKind::Profile, RevocationKind::Role]
    );
    // Those of the last 30 s come again whatever their number.
    let late = watch(&world, highest + 100)
        .await
        .message()
        .await
        .expect("a batch")
        .expect("a batch");
    assert_eq!(kinds(late), [RevocationKind::Role]);
}

#[tokio::test]
async fn au_9_a_row_that_commits_late_with_a_low_number_is_found() {
    let world = World::start().await;
    let mut stream = watch(&world, 0).await;
    stream.message().await.expect("the first batch");
    let insert = |seq: i64, age: &str| {
        format!(
            "insert into account.revocations overriding system value select {seq}, 'session', gen_random_uuid(),
             now() - interval '{age}', now() - interval '{age}' + interval '3661 seconds'"
        )
    };
    let insert = |seq, age| {
        insert(seq, age).replace(
            "overriding system value select",
            "(seq, kind, subject_id, effective_at, expires_at) overriding system value select",
        )
    };
    world.sql(&insert(1_000, "0 seconds")).await;
    assert_eq!(next(&mut stream).await.seq, 1_000);
    world.sql(&insert(7, "20 seconds")).await;
    assert_eq!(next(&mut stream).await.seq, 7);
}

#[tokio::test]
async fn au_9_a_stopping_service_ends_its_streams() {
    let world = World::start().await;
    let mut stream = watch(&world, 0).await;
    stream.message().await.expect("the first batch");
    world.rig.stop();
    while stream.message().await.expect("a good end").is_some() {}
}

#[tokio::test]
async fn sc_2_only_the_edge_may_watch_and_check() {
    let world = World::start().await;
    let ctx = world.rig.anonymous();
    let mut feed = AuthServiceClient::new(world.rig.channel_from("feed", "auth", &ctx));
    let refused = feed
        .watch_revocations(WatchRevocationsRequest { after: 0 })
        .await;
    let refused = Fault::from(refused.expect_err("not the edge"));
    assert_eq!(refused.reason(), Reason::Forbidden);
    let guest = world.sign_in(&fresh_address()).await;
    let asked = CheckSessionRequest {
        session_id: guest.claims.sid.to_string(),
        account_id: guest.account_id(),
        profile_id: guest.reply.active_profile_id,
        issued_at: 0,
    };
    let refused = Fault::from(feed.check_session(asked).await.expect_err("not the edge"));
    assert_eq!(refused.reason(), Reason::Forbidden);
}
