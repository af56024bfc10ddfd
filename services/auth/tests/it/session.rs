//! Sessions: AU-9, AU-10, AU-11, I-12.

use contracts::auth::v1::*;
use fault::{Fault, Reason};
use futures_util::future::join_all;

use crate::world::{Guest, World, fresh_address};

async fn logout(world: &World, guest: &Guest, scope: LogoutScope) -> LogoutResponse {
    let request = LogoutRequest {
        scope: scope.into(),
    };
    world
        .client(&guest.ctx)
        .logout(request)
        .await
        .expect("signed out")
        .into_inner()
}

async fn list(world: &World, guest: &Guest) -> Vec<Session> {
    let reply = world
        .client(&guest.ctx)
        .list_sessions(ListSessionsRequest {})
        .await;
    reply.expect("sessions").into_inner().items
}

async fn revoke(world: &World, guest: &Guest, id: &str) -> Result<(), Fault> {
    let request = RevokeSessionRequest { id: id.to_owned() };
    world.client(&guest.ctx).revoke_session(request).await?;
    Ok(())
}

async fn check(world: &World, guest: &Guest) -> SessionState {
    let request = CheckSessionRequest {
        session_id: guest.claims.sid.to_string(),
        account_id: guest.claims.sub.to_string(),
        profile_id: guest.claims.profile_id.to_string(),
        issued_at: guest.claims.iat,
    };
    let reply = world
        .client(&world.rig.anonymous())
        .check_session(request)
        .await;
    reply.expect("a verdict").into_inner().state()
}

#[tokio::test]
async fn au_9_logout_ends_all_sessions_unless_said_otherwise() {
    let world = World::start().await;
    let email = fresh_address();
    let (one, two) = (world.sign_in(&email).await, world.sign_in(&email).await);
    let stranger = world.sign_in(&fresh_address()).await;
    assert_eq!(
        logout(&world, &one, LogoutScope::Unspecified)
            .await
            .ended_sessions,
        2
    );
    for guest in [&one, &two] {
        let refused = world
            .refresh(&guest.reply.refresh_token)
            .await
            .expect_err("over");
        assert_eq!(refused.reason(), Reason::TokenRevoked);
        assert_eq!(check(&world, guest).await, SessionState::Revoked);
    }
    assert_eq!(check(&world, &stranger).await, SessionState::Active);
    assert_eq!(
        world
            .count("account.revocations where kind = 'session'")
            .await,
        2
    );
    assert_eq!(world.audit("logout").await, ["ok"]);
    let reasons: Vec<String> = world
        .events::<SessionRevoked>()
        .await
        .into_iter()
        .map(|event| event.reason)
        .collect();
    assert_eq!(reasons, ["logout", "logout"]);
    // Again: nothing is left to end.
    assert_eq!(
        logout(&world, &one, LogoutScope::All).await.ended_sessions,
        0
    );
}

#[tokio::test]
async fn au_9_logout_of_the_current_session_spares_the_others() {
    let world = World::start().await;
    let email = fresh_address();
    let (one, two) = (world.sign_in(&email).await, world.sign_in(&email).await);
    assert_eq!(
        logout(&world, &one, LogoutScope::Current)
            .await
            .ended_sessions,
        1
    );
    assert_eq!(check(&world, &one).await, SessionState::Revoked);
    assert_eq!(check(&world, &two).await, SessionState::Active);
    world
        .refresh(&two.reply.refresh_token)
        .await
        .expect("goes on");
}

#[tokio::test]
async fn au_9_parallel_logouts_and_refreshes_leave_no_live_session_behind() {
    let world = World::start().await;
    let guest = world.sign_in(&fresh_address()).await;
    let out = join_all((0..25).map(|_| logout(&world, &guest, LogoutScope::All)));
    let token = &guest.reply.refresh_token;
    let on = join_all((0..25).map(|_| world.refresh(token)));
    let (ended, _) = futures_util::future::join(out, on).await;
    assert_eq!(
        ended.iter().map(|reply| reply.ended_sessions).sum::<i32>(),
        1
    );
    assert_eq!(
        world
            .count("account.sessions where revoked_at is null")
            .await,
        0
    );
    assert_eq!(world.count("account.revocations").await, 1);
}

#[tokio::test]
async fn au_10_sessions_are_listed_with_the_current_one_marked() {
    let world = World::start().await;
    let email = fresh_address();
    let (one, two) = (world.sign_in(&email).await, world.sign_in(&email).await);
    world.sign_in(&fresh_address()).await;
    let sessions = list(&world, &one).await;
    assert_eq!(sessions.len(), 2);
    for session in &sessions {
        assert_eq!(session.device_name.as_deref(), Some("laptop"));
        assert_eq!(session.user_agent.as_deref(), Some("tests/1.0"));
        assert_eq!(session.ip.as_deref(), Some("127.0.0.1"));
        assert_eq!(session.active_profile_id, one.reply.active_profile_id);
        assert_eq!(session.is_current, session.id == one.claims.sid.to_string());
    }
    logout(&world, &two, LogoutScope::Current).await;
    assert_eq!(list(&world, &one).await.len(), 1);
    world
        .sql("update account.sessions set expires_at = now()")
        .await;
    assert!(list(&world, &one).await.is_empty());
}

#[tokio::test]
async fn au_10_the_last_use_is_written_at_most_once_a_minute() {
    let world = World::start().await;
    let guest = world.sign_in(&fresh_address()).await;
    let age = "update account.sessions set last_activity_at = now() - interval '59 seconds'";
    let fresh = "account.sessions where last_activity_at > now() - interval '30 seconds'";
    world.sql(age).await;
    list(&world, &guest).await;
    assert_eq!(world.count(fresh).await, 0, "not yet a minute");
    let second = world.sign_in(&fresh_address()).await;
    world
        .sql("update account.sessions set last_activity_at = now() - interval '61 seconds'")
        .await;
    list(&world, &second).await;
    let touched = format!("{fresh} and id = '{}'", second.claims.sid);
    assert_eq!(world.count(&touched).await, 1);
    assert_eq!(
        world.count(fresh).await,
        1,
        "only the session that was used"
    );
}

#[tokio::test]
async fn au_9_a_session_can_be_ended_from_another_and_ending_it_again_is_no_error() {
    let world = World::start().await;
    let email = fresh_address();
    let (one, two) = (world.sign_in(&email).await, world.sign_in(&email).await);
    let id = two.claims.sid.to_string();
    revoke(&world, &one, &id).await.expect("ended");
    revoke(&world, &one, &id.to_uppercase())
        .await
        .expect("as it was");
    assert_eq!(check(&world, &two).await, SessionState::Revoked);
    assert_eq!(check(&world, &one).await, SessionState::Active);
    assert_eq!(world.audit("session_revoked").await, ["ok"]);
    let [event] = world
        .events::<SessionRevoked>()
        .await
        .try_into()
        .expect("one event");
    assert_eq!((event.session_id, event.reason.as_str()), (id, "revoked"));
}

#[tokio::test]
async fn cv_20_a_foreign_session_is_as_unknown_as_none() {
    let world = World::start().await;
    let (one, two) = (
        world.sign_in(&fresh_address()).await,
        world.sign_in(&fresh_address()).await,
    );
    let foreign = revoke(&world, &one, &two.claims.sid.to_string())
        .await
        .expect_err("foreign");
    let unknown = revoke(&world, &one, &uuid::Uuid::now_v7().to_string())
        .await
        .expect_err("unknown");
    assert_eq!(foreign.reason(), Reason::NotFound);
    assert_eq!(
        (foreign.reason(), foreign.message()),
        (unknown.reason(), unknown.message())
    );
    assert_eq!(check(&world, &two).await, SessionState::Active);
    let malformed = revoke(&world, &one, "7").await.expect_err("no id");
    assert_eq!(malformed.reason(), Reason::ValidationError);
    assert_eq!(malformed.get_violations()[0].field, "id");
    assert_eq!(world.count("account.revocations").await, 0);
}

#[tokio::test]
async fn au_11_check_session_says_what_a_token_is_worth() {
    let world = World::start().await;
    let guest = world.sign_in(&fresh_address()).await;
    assert_eq!(check(&world, &guest).await, SessionState::Active);
    let mut foreign = guest.clone();
    foreign.claims.sub = world.sign_in(&fresh_address()).await.claims.sub;
    assert_eq!(check(&world, &foreign).await, SessionState::Revoked);
    world
        .sql("update account.user_accounts set is_active = false")
        .await;
    assert_eq!(check(&world, &guest).await, SessionState::Disabled);
    world
        .sql("update account.user_accounts set is_active = true")
        .await;
    let stale = format!(
        "insert into account.revocations (kind, subject_id, effective_at, expires_at)
         values ('role', '{}', now() + interval '1 minute', now() + interval '1 hour')",
        guest.claims.sub
    );
    world.sql(&stale).await;
    assert_eq!(check(&world, &guest).await, SessionState::Stale);
    world
        .sql("update account.sessions set expires_at = now()")
        .await;
    assert_eq!(check(&world, &guest).await, SessionState::Revoked);
}

#[tokio::test]
async fn old_rows_are_removed_and_others_stay() {
    let rig = testkit::Rig::start().await;
    let world = World::around(rig, |config| config.otp.resend_gap_seconds = 0).await;
    let guest = world.sign_in(&fresh_address()).await;
    world.sign_in(&fresh_address()).await;
    logout(&world, &guest, LogoutScope::All).await;
    world
        .sql(
            "update account.sessions set revoked_at = now() - interval '31 days' where revoked_at is not null;
             update account.revocations set effective_at = now() - interval '2 hours', expires_at = now();
             update account.audit_log set at = now() - interval '366 days' where action = 'logout'",
        )
        .await;
    // The job runs when a process starts: another replica does it.
    let mut config = auth::Config::default();
    config.signing.active =
        chassis::Secret::new(identity::access::generate_pem().expect("a key").to_string());
    world.rig.host::<auth::Auth>(config).await;
    world
        .rig
        .eventually(|| async { world.count("account.sessions").await == 1 })
        .await;
    world
        .rig
        .eventually(|| async { world.count("account.revocations").await == 0 })
        .await;
    world
        .rig
        .eventually(|| async { world.audit("logout").await.is_empty() })
        .await;
    assert_eq!(world.count("account.refresh_tokens").await, 1);
    assert_eq!(world.audit("login").await.len(), 2);
}
