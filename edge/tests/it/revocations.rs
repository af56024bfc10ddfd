//! Revoked tokens stop working within 2 s, whatever happens to the feed that tells of them (AU-9, T45).

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use contracts::auth::v1::{RevocationKind, SessionState};
use fault::Reason;
use identity::clock;

use crate::house::{House, Reply};

async fn feed(house: &House, token: &str) -> Reply {
    house
        .get(
            "/api/v1/feed",
            &[("Authorization", &format!("Bearer {token}"))],
        )
        .await
}

#[tokio::test]
async fn au_9_a_revocation_holds_within_2_s() {
    let house = House::open(|_| {}).await;
    let (now, bystander) = (clock::unix(), house.token(&house.rig.caller()));
    let checks = || house.auth.calls("CheckSession").len();
    let unasked = || async {
        let before = checks();
        feed(&house, &bystander).await.status == 200 && checks() == before
    };
    house.rig.eventually(unasked).await;
    let before = checks();
    let code = async |kind, about: fn(&identity::Caller) -> uuid::Uuid| {
        let caller = house.rig.caller();
        let (old, new) = (
            house.token_of(&caller, now - 10),
            house.token_of(&caller, now + 1),
        );
        assert_eq!(feed(&house, &old).await.status, 200);
        house.revoke(kind, about(&caller), now);
        let began = Instant::now();
        house
            .rig
            .eventually(|| async { feed(&house, &old).await.status == 401 })
            .await;
        assert!(began.elapsed() < testkit::unhurried(Duration::from_secs(2)));
        (
            feed(&house, &old).await.code(),
            feed(&house, &new).await.status,
        )
    };
    // A session is over with all its tokens; the others end only those issued up to that second.
    assert_eq!(
        code(RevocationKind::Session, |it| it.session_id).await,
        ("TOKEN_REVOKED".to_owned(), 401)
    );
    assert_eq!(
        code(RevocationKind::Account, |it| it.account_id).await,
        ("TOKEN_REVOKED".to_owned(), 200)
    );
    assert_eq!(
        code(RevocationKind::Profile, |it| it.profile_id).await,
        ("TOKEN_EXPIRED".to_owned(), 200)
    );
    assert_eq!(
        code(RevocationKind::Role, |it| it.account_id).await,
        ("TOKEN_EXPIRED".to_owned(), 200)
    );
    assert_eq!(feed(&house, &bystander).await.status, 200);
    assert_eq!(checks(), before, "a living feed makes asking needless");
}

#[tokio::test]
async fn au_9_a_stale_feed_asks_per_request_and_refuses_when_nobody_answers() {
    let house = House::open(|config| config.limits.revocation_age_ms = 200).await;
    let token = house.token(&house.rig.caller());
    assert_eq!(feed(&house, &token).await.status, 200);
    house.news.silent.store(true, Ordering::Relaxed);
    let checks = || house.auth.calls("CheckSession").len();
    // A last word may be under way yet: it is silent once the age of its news was reached and nothing more came.
    let asks = || async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let before = checks();
        for _ in 0..3 {
            assert_eq!(feed(&house, &token).await.status, 200);
        }
        checks() == before + 3
    };
    house.rig.eventually(asks).await;
    let before = checks();
    for (state, code) in [
        (Ok(SessionState::Revoked), "TOKEN_REVOKED"),
        (Ok(SessionState::Disabled), "ACCOUNT_DISABLED"),
        (Ok(SessionState::Stale), "TOKEN_EXPIRED"),
        (Ok(SessionState::Unspecified), "SERVICE_UNAVAILABLE"),
        (Err(Reason::ServiceUnavailable), "SERVICE_UNAVAILABLE"),
        (Err(Reason::InternalError), "SERVICE_UNAVAILABLE"),
    ] {
        *house.news.session.lock().unwrap() = state;
        let reply = feed(&house, &token).await;
        assert_eq!(reply.code(), code);
        assert_eq!(
            reply.header("retry-after").is_some(),
            code == "SERVICE_UNAVAILABLE"
        );
    }
    assert_eq!(checks(), before + 6, "one question per request");
    assert_eq!(
        house.get("/api/v1/feed", &[]).await.status,
        200,
        "the anonymous are not concerned"
    );
    house.rig.remove("auth");
    assert_eq!(feed(&house, &token).await.code(), "SERVICE_UNAVAILABLE");
    // The feed comes back: revocations heard before still hold.
    house.rig.fake("auth", house.auth.clone());
    house.news.silent.store(false, Ordering::Relaxed);
    house
        .rig
        .eventually(|| async { feed(&house, &token).await.status == 200 })
        .await;
}
