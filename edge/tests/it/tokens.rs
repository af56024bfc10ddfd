//! Who may call what: access classes, and tokens by age, key and session (GW-2, AU-9, AU-18, AU-19, T45).

use std::sync::atomic::Ordering;

use contracts::auth::v1::SessionState;
use identity::access::{Signer, generate_pem};
use identity::{Role, clock};

use crate::forger::bearer;
use crate::house::{HOUR, House};

#[tokio::test]
async fn gw_2_each_access_class_asks_for_what_it_says() {
    let house = House::open(|_| {}).await;
    let caller = house.rig.caller();
    let good = bearer(&house.token(&caller));
    // optional: nobody without a header, somebody with a good one, refused with a bad one
    assert_eq!(house.get("/api/v1/feed", &[]).await.status, 200);
    assert_eq!(
        house
            .get("/api/v1/feed", &[("Authorization", &good)])
            .await
            .status,
        200
    );
    let calls = house.feed.calls("ListFeed");
    assert_eq!(calls[0].ctx.caller(), None);
    assert_eq!(calls[1].ctx.caller(), Some(&caller));
    for bad in [
        "Bearer nonsense",
        "Basic dXNlcjpwYXNz",
        "Bearer",
        "",
        "bearer  ",
        "Token x",
    ] {
        assert_eq!(
            house
                .get("/api/v1/feed", &[("Authorization", bad)])
                .await
                .code(),
            "UNAUTHORIZED",
            "{bad:?}"
        );
    }
    // user: refused without, and told the scheme (RFC 9110)
    let post = house
        .send(
            "POST",
            "/api/v1/posts/018f0000-0000-7000-8000-000000000000/like",
            &[],
            "",
        )
        .await;
    assert_eq!(post.code(), "UNAUTHORIZED");
    assert_eq!(
        post.header("www-authenticate"),
        Some("Bearer realm=\"smilefactory\"")
    );
    // public: no token is looked at
    let jwks = house
        .get(
            "/.well-known/jwks.json",
            &[("Authorization", "Bearer nonsense")],
        )
        .await;
    assert_eq!(jwks.status, 200);
}

#[tokio::test]
async fn au_18_an_hour_and_thirty_seconds_after_its_issue_a_token_has_expired() {
    let house = House::open(|_| {}).await;
    let caller = house.rig.caller();
    let now = clock::unix();
    let expired = bearer(&house.token_of(&caller, now - 3600 - 31));
    assert_eq!(
        house
            .get("/api/v1/feed", &[("Authorization", &expired)])
            .await
            .code(),
        "TOKEN_EXPIRED"
    );
    let within_leeway = bearer(&house.token_of(&caller, now - 3600 - 5));
    assert_eq!(
        house
            .get("/api/v1/feed", &[("Authorization", &within_leeway)])
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn t45_before_any_key_is_known_tokens_are_503_and_public_reads_go_on() {
    let house =
        House::open_after(|news| news.jwks_up.store(false, Ordering::Relaxed), |_| {}).await;
    let header = bearer(&house.token(&house.rig.caller()));
    let read = async || {
        house
            .get("/api/v1/feed", &[("Authorization", header.as_str())])
            .await
    };
    let reply = read().await;
    assert_eq!(
        (reply.code().as_str(), reply.header("retry-after").is_some()),
        ("SERVICE_UNAVAILABLE", true)
    );
    assert_eq!(house.get("/api/v1/feed", &[]).await.status, 200);
    house.news.jwks_up.store(true, Ordering::Relaxed);
    house
        .rig
        .eventually(|| async { read().await.status == 200 })
        .await;
}

#[tokio::test]
async fn au_19_a_new_key_is_fetched_once_it_is_met_and_unknown_ones_not_again_and_again() {
    let house = House::open(|_| {}).await;
    let caller = house.rig.caller();
    let fetched = || house.news.jwks_fetches.load(Ordering::Relaxed);
    house.rig.eventually(|| async { fetched() == 1 }).await;
    let old = bearer(&house.token(&caller));
    let read = async |header: &str| {
        house
            .get("/api/v1/feed", &[("Authorization", header)])
            .await
            .status
    };
    assert_eq!(read(&old).await, 200);
    let next = Signer::new(
        "smilefactory",
        "smilefactory-api",
        &generate_pem().unwrap(),
        &[],
    )
    .unwrap();
    *house.news.jwks.lock().unwrap() = next.jwks().to_json();
    let grant = |session_id| identity::access::AccessGrant {
        account_id: caller.account_id,
        email: "a@b.org",
        profile_id: caller.profile_id,
        session_id,
        role: Role::User,
    };
    let new = bearer(
        &next
            .access(&grant(caller.session_id), clock::unix(), HOUR)
            .unwrap(),
    );
    assert_eq!(read(&new).await, 200, "a rotated key is found");
    let stranger = Signer::new(
        "smilefactory",
        "smilefactory-api",
        &generate_pem().unwrap(),
        &[],
    )
    .unwrap();
    for _ in 0..5 {
        let forged = bearer(
            &stranger
                .access(&grant(uuid::Uuid::now_v7()), clock::unix(), HOUR)
                .unwrap(),
        );
        assert_eq!(read(&forged).await, 401);
    }
    assert_eq!(
        fetched(),
        2,
        "once for the schedule, once for the first unknown key"
    );
}

#[tokio::test]
async fn au_9_a_token_is_verified_once_and_its_session_still_looked_at() {
    let house = House::open(|_| {}).await;
    let header = bearer(&house.token(&house.rig.caller()));
    for _ in 0..5 {
        assert_eq!(
            house
                .get("/api/v1/feed", &[("Authorization", &header)])
                .await
                .status,
            200
        );
    }
    *house.news.session.lock().unwrap() = Ok(SessionState::Revoked);
    house.news.silent.store(true, Ordering::Relaxed);
    let asked = || async {
        house
            .get("/api/v1/feed", &[("Authorization", &header)])
            .await
            .status
            == 401
    };
    house.rig.eventually(asked).await;
}
