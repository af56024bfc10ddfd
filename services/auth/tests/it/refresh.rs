//! Refresh tokens: AU-8, AU-11, AU-12, T9..T11, I-13.

use std::collections::BTreeSet;

use contracts::auth::v1::SessionRevoked;
use fault::Reason;
use futures_util::future::join_all;

use crate::world::{World, fresh_address};

#[tokio::test]
async fn au_8_a_refresh_gives_a_new_pair_for_the_same_session() {
    let world = World::start().await;
    let guest = world.sign_in(&fresh_address()).await;
    let next = world
        .refresh(&guest.reply.refresh_token)
        .await
        .expect("refreshed");
    assert_eq!(next.active_profile_id, guest.reply.active_profile_id);
    assert_eq!(
        (next.expires_in, next.refresh_expires_in),
        (3600, 2_592_000)
    );
    let (old, new) = (
        world.refresh_claims(&guest.reply.refresh_token).await,
        world.refresh_claims(&next.refresh_token).await,
    );
    assert_eq!(old.sid, new.sid);
    assert_ne!(old.jti, new.jti);
    assert_eq!(world.claims(&next.access_token).await.sid, old.sid);
    assert_eq!(world.audit("refresh").await, ["ok"]);
    let stamped = "account.refresh_tokens where generation = 0 and first_used_at is not null";
    assert_eq!(world.count(stamped).await, 1);
}

#[tokio::test]
async fn au_8_the_parent_answers_the_same_successor_until_that_was_used() {
    let world = World::start().await;
    let first = world.sign_in(&fresh_address()).await.reply.refresh_token;
    let second = world
        .refresh(&first)
        .await
        .expect("refreshed")
        .refresh_token;
    let again = world
        .refresh(&first)
        .await
        .expect("the answer was lost")
        .refresh_token;
    assert_eq!(
        world.refresh_claims(&second).await,
        world.refresh_claims(&again).await
    );
    world.refresh(&again).await.expect("the successor is good");
    let refused = world.refresh(&first).await.expect_err("outdated");
    assert_eq!(refused.reason(), Reason::TokenRevoked);
}

#[tokio::test]
async fn au_8_t_9_t_11_an_ancestor_ends_the_session_at_once() {
    let world = World::start().await;
    let guest = world.sign_in(&fresh_address()).await;
    let first = guest.reply.refresh_token.clone();
    let second = world
        .refresh(&first)
        .await
        .expect("refreshed")
        .refresh_token;
    let third = world
        .refresh(&second)
        .await
        .expect("refreshed")
        .refresh_token;
    let refused = world.refresh(&first).await.expect_err("an ancestor");
    assert_eq!(refused.reason(), Reason::TokenRevoked);
    for token in [first, second, third] {
        let refused = world
            .refresh(&token)
            .await
            .expect_err("the session is over");
        assert_eq!(refused.reason(), Reason::TokenRevoked);
    }
    assert_eq!(world.audit("refresh_reuse").await, ["refused"]);
    let [revoked] = world
        .events::<SessionRevoked>()
        .await
        .try_into()
        .expect("one event");
    assert_eq!(
        (revoked.session_id, revoked.reason.as_str()),
        (guest.claims.sid.to_string(), "refresh_reuse")
    );
    let rows = format!(
        "account.revocations where kind = 'session' and subject_id = '{}'",
        guest.claims.sid
    );
    assert_eq!(world.count(&rows).await, 1);
}

#[tokio::test]
async fn au_8_t_10_parallel_refreshes_get_one_successor_and_stay_signed_in() {
    let world = World::start().await;
    let first = world.sign_in(&fresh_address()).await.reply.refresh_token;
    let replies = join_all((0..50).map(|_| world.refresh(&first))).await;
    let mut jtis = BTreeSet::new();
    let mut any = None;
    for reply in replies {
        let reply = reply.expect("nobody is signed out");
        jtis.insert(world.refresh_claims(&reply.refresh_token).await.jti);
        any = Some(reply.refresh_token);
    }
    assert_eq!(jtis.len(), 1);
    assert_eq!(world.count("account.refresh_tokens").await, 2);
    assert_eq!(world.audit("refresh").await.len(), 1);
    world
        .refresh(&any.expect("a token"))
        .await
        .expect("the family goes on");
}

#[tokio::test]
async fn au_8_of_a_race_between_successor_and_ancestor_nobody_ends_with_two_families() {
    let world = World::start().await;
    let first = world.sign_in(&fresh_address()).await.reply.refresh_token;
    let second = world
        .refresh(&first)
        .await
        .expect("refreshed")
        .refresh_token;
    let tokens: Vec<&String> = (0..50)
        .map(|n| if n % 2 == 0 { &first } else { &second })
        .collect();
    join_all(tokens.into_iter().map(|token| world.refresh(token))).await;
    let live = "account.refresh_tokens t join account.sessions s on s.id = t.session_id
                where t.first_used_at is null and s.revoked_at is null";
    assert!(world.count(live).await <= 1, "I-13");
    assert!(world.count("account.refresh_tokens").await <= 3);
}

#[tokio::test]
async fn au_7_au_18_what_is_no_refresh_token_of_ours_is_unauthorized() {
    let world = World::start().await;
    let guest = world.sign_in(&fresh_address()).await;
    let token = guest.reply.refresh_token.clone();
    let cut = &token[..token.len() - 4];
    let foreign = World::start().await;
    let foreign = foreign.sign_in(&fresh_address()).await.reply.refresh_token;
    for bad in ["x", "a.b.c", cut, &guest.reply.access_token, &foreign] {
        let refused = world.refresh(bad).await.expect_err("not ours");
        assert_eq!(refused.reason(), Reason::Unauthorized, "{bad}");
    }
    for (bad, field) in [("", "refreshToken"), (&"x".repeat(4097), "refreshToken")] {
        let refused = world.refresh(bad).await.expect_err("not even a token");
        assert_eq!(refused.reason(), Reason::ValidationError);
        assert_eq!(refused.get_violations()[0].field, field);
    }
    world.refresh(&token).await.expect("nothing was spent");
}

#[tokio::test]
async fn au_18_a_refresh_token_past_its_time_has_expired() {
    let world = World::start().await;
    let token = world.sign_in(&fresh_address()).await.reply.refresh_token;
    world
        .sql("update account.sessions set expires_at = now() - interval '1 second'")
        .await;
    let refused = world.refresh(&token).await.expect_err("expired");
    assert_eq!(refused.reason(), Reason::TokenExpired);
}

#[tokio::test]
async fn au_10_a_session_never_outlives_its_absolute_end() {
    let world = World::start().await;
    let token = world.sign_in(&fresh_address()).await.reply.refresh_token;
    world
        .sql("update account.sessions set expires_at = now() + interval '1 hour', absolute_expires_at = now() + interval '1 hour'")
        .await;
    let next = world.refresh(&token).await.expect("refreshed");
    assert!(next.refresh_expires_in <= 3600 && next.refresh_expires_in > 3500);
}

#[tokio::test]
async fn au_10_a_refresh_slides_the_session() {
    let world = World::start().await;
    let token = world.sign_in(&fresh_address()).await.reply.refresh_token;
    world
        .sql("update account.sessions set expires_at = now() + interval '1 day'")
        .await;
    world.refresh(&token).await.expect("refreshed");
    let days: bool = world
        .ask("select expires_at > now() + interval '29 days' from account.sessions")
        .await;
    assert!(days);
}

#[tokio::test]
async fn au_11_a_suspended_account_cannot_refresh() {
    let world = World::start().await;
    let token = world.sign_in(&fresh_address()).await.reply.refresh_token;
    world
        .sql("update account.user_accounts set is_active = false")
        .await;
    let refused = world.refresh(&token).await.expect_err("suspended");
    assert_eq!(refused.reason(), Reason::AccountDisabled);
    assert_eq!(
        world.count("account.refresh_tokens").await,
        1,
        "nothing was stored"
    );
}

#[tokio::test]
async fn au_23_a_refresh_takes_the_new_role() {
    let world = World::start().await;
    let token = world.sign_in(&fresh_address()).await.reply.refresh_token;
    world
        .sql("update account.user_accounts set role = 'staff'")
        .await;
    let next = world.refresh(&token).await.expect("refreshed");
    assert_eq!(
        world.claims(&next.access_token).await.role,
        identity::Role::Staff
    );
}
