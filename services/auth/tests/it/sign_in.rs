//! Sign-in and sign-up: AU-6, AU-7, AU-10, AU-11, AU-14, AU-21, AU-23, C5, C7.

use std::time::{Duration, Instant};

use contracts::auth::v1::*;
use contracts::profile::v1::{ProfileStatus, ProfileType};
use fault::Reason;
use identity::Role;
use time::OffsetDateTime;

use crate::peer::Mood;
use crate::world::{World, fresh_address, other};

#[tokio::test]
async fn au_6_the_first_right_code_makes_account_session_and_profile() {
    let world = World::start().await;
    let guest = world.sign_in("grace.hopper@example.com").await;
    let reply = guest.reply.clone();
    assert!(reply.is_new_user && reply.first_login && !reply.is_migrated);
    assert_eq!(reply.deletion_scheduled_for, None);
    assert_eq!(
        (reply.expires_in, reply.refresh_expires_in),
        (3600, 2_592_000)
    );
    let user = reply.user.clone().expect("a user");
    assert!(user.email_verified && user.last_login_at.is_some() && user.created_at.is_some());
    assert_eq!(
        (user.role(), user.email.as_str()),
        (AccountRole::User, "grace.hopper@example.com")
    );
    let [profile] = reply.profiles.as_slice() else {
        panic!("one profile")
    };
    assert_eq!(profile.display_name, "grace.hopper");
    assert_eq!(profile.profile_type(), ProfileType::Innovator);
    assert_eq!(profile.status(), ProfileStatus::Draft);
    assert!(profile.is_primary);
    assert_eq!(profile.completion_percentage, 20);
    assert_eq!(profile.id, reply.active_profile_id);
    let [ensured] = world.peer.ensured().try_into().expect("one call");
    assert_eq!(ensured.account_id, user.id);
    assert_eq!(
        (ensured.profile_id, ensured.display_name),
        (profile.id.clone(), "grace.hopper".into())
    );
    let [created] = world
        .events::<AccountCreated>()
        .await
        .try_into()
        .expect("one event");
    assert_eq!(
        (created.account_id, created.initial_profile_id),
        (user.id.clone(), profile.id.clone())
    );
    let [login] = world
        .events::<AccountLoggedIn>()
        .await
        .try_into()
        .expect("one event");
    assert_eq!((login.account_id, login.new_device), (user.id, false));
    assert_eq!(login.session_id, guest.claims.sid.to_string());
}

#[tokio::test]
async fn au_6_sign_in_does_not_fail_with_the_profile_service_and_the_next_one_repairs() {
    let world = World::start().await;
    let email = fresh_address();
    world.peer.mood(Mood::Failing);
    let first = world.sign_in(&email).await.reply;
    let local = email.split('@').next().expect("a local part");
    assert_eq!(first.profiles.len(), 1);
    assert_eq!(first.profiles[0].display_name, local);
    assert_eq!(first.profiles[0].id, first.active_profile_id);
    assert_eq!(first.profiles[0].completion_percentage, 20);
    assert_eq!(world.count("account.account_profiles").await, 0);
    world.peer.mood(Mood::Well);
    let second = world.sign_in(&email).await.reply;
    assert!(!second.is_new_user);
    assert_eq!(second.profiles, first.profiles);
    assert_eq!(world.count("account.account_profiles").await, 1);
    let asked = world.peer.ensured().len();
    world.sign_in(&email).await;
    assert_eq!(
        world.peer.ensured().len(),
        asked,
        "what is known is not asked for"
    );
}

#[tokio::test]
async fn au_6_sign_in_does_not_wait_long_for_the_profile_service() {
    let world = World::start().await;
    let email = fresh_address();
    let code = world.code(&email).await;
    world.peer.mood(Mood::Hanging);
    let begun = Instant::now();
    let reply = world.verify(&email, &code).await.expect("signed in");
    assert!(begun.elapsed() < Duration::from_secs(8));
    assert_eq!(reply.profiles.len(), 1);
}

#[tokio::test]
async fn au_7_access_and_refresh_tokens_say_what_they_should() {
    let world = World::start().await;
    let email = fresh_address();
    let guest = world.sign_in(&email).await;
    let claims = &guest.claims;
    assert_eq!(
        (claims.email.as_str(), claims.role),
        (email.as_str(), Role::User)
    );
    assert_eq!(claims.profile_id.to_string(), guest.reply.active_profile_id);
    assert_eq!((claims.exp - claims.iat, claims.nbf), (3600, claims.iat));
    let refresh = world.refresh_claims(&guest.reply.refresh_token).await;
    assert_eq!((refresh.sub, refresh.sid), (claims.sub, claims.sid));
    assert_eq!(refresh.exp - refresh.iat, 2_592_000);
    assert_ne!(refresh.jti, claims.jti);
}

#[tokio::test]
async fn au_10_a_session_keeps_device_network_and_both_ends() {
    let world = World::start().await;
    let guest = world.sign_in(&fresh_address()).await;
    let row: String = world
        .ask(
            "select concat_ws('|', account_id, device_name, user_agent, host(ip), expires_at - created_at,
               absolute_expires_at - created_at) from account.sessions",
        )
        .await;
    let expected = format!(
        "{}|laptop|tests/1.0|127.0.0.1|30 days|180 days",
        guest.claims.sub
    );
    assert_eq!(row, expected);
}

#[tokio::test]
async fn c_8_of_a_refresh_token_only_a_hash_is_stored() {
    let world = World::start().await;
    let guest = world.sign_in(&fresh_address()).await;
    let jti = world.refresh_claims(&guest.reply.refresh_token).await.jti;
    let found: bool = world
        .ask(&format!(
            "select jti_hash = sha256('{jti}') from account.refresh_tokens"
        ))
        .await;
    assert!(found);
}

#[tokio::test]
async fn au_11_a_suspended_account_is_told_so_after_a_right_code_only() {
    let world = World::start().await;
    let email = fresh_address();
    world.sign_in(&email).await;
    world
        .sql("update account.user_accounts set is_active = false")
        .await;
    let before: OffsetDateTime = world
        .ask("select last_login_at from account.user_accounts")
        .await;
    let code = world.code(&email).await;
    let refused = world
        .verify(&email, &other(&code))
        .await
        .expect_err("wrong");
    assert_eq!(refused.reason(), Reason::InvalidOtp);
    let refused = world.verify(&email, &code).await.expect_err("suspended");
    assert_eq!(refused.reason(), Reason::AccountDisabled);
    assert_eq!(world.count("account.sessions").await, 1);
    let after: OffsetDateTime = world
        .ask("select last_login_at from account.user_accounts")
        .await;
    assert_eq!(before, after);
    assert_eq!(world.audit("login").await, ["ok", "disabled"]);
}

#[tokio::test]
async fn au_11_each_sign_in_sets_the_last_login() {
    let world = World::start().await;
    let email = fresh_address();
    let first = world
        .sign_in(&email)
        .await
        .reply
        .user
        .expect("a user")
        .last_login_at;
    let second = world
        .sign_in(&email)
        .await
        .reply
        .user
        .expect("a user")
        .last_login_at;
    assert!(second.expect("set").nanos != first.expect("set").nanos);
}

#[tokio::test]
async fn au_14_what_happens_is_noted_with_hash_network_agent_and_request() {
    let world = World::start().await;
    let guest = world.sign_in(&fresh_address()).await;
    let rows: Vec<String> = world
        .all(
            "select concat_ws('|', action, outcome, account_id, octet_length(email_hash), host(ip), user_agent,
               detail ->> 'requestId' like 'test-%') from account.audit_log order by at",
        )
        .await;
    let account = guest.account_id();
    let network = "127.0.0.1|tests/1.0|t";
    assert_eq!(
        rows,
        [
            format!("otp_requested|ok|32|{network}"),
            format!("otp_verified|ok|{account}|32|{network}"),
            format!("login|ok|{account}|{network}"),
        ]
    );
}

#[tokio::test]
async fn au_14_audit_rows_cannot_be_changed_by_the_service() {
    use sea_orm::ConnectionTrait as _;
    let world = World::start().await;
    world.sign_in(&fresh_address()).await;
    let db = world.rig.db("auth");
    let changed = db
        .connection()
        .execute_unprepared("update audit_log set outcome = 'x'")
        .await;
    let refused = changed.expect_err("no UPDATE grant").to_string();
    assert!(refused.contains("permission denied"), "{refused}");
}

#[tokio::test]
async fn au_21_the_first_login_lasts_until_the_wizard_is_done_with() {
    let world = World::start().await;
    let email = fresh_address();
    let guest = world.sign_in(&email).await;
    let again = world.sign_in(&email).await.reply;
    assert!(again.first_login && !again.is_new_user);
    let done = world
        .client(&guest.ctx)
        .complete_wizard(CompleteWizardRequest {})
        .await;
    assert!(!done.expect("done").into_inner().first_login);
    assert!(!world.sign_in(&email).await.reply.first_login);
}

#[tokio::test]
async fn au_23_a_configured_address_becomes_admin_at_sign_in() {
    let world = World::with(|config| {
        config.otp.resend_gap_seconds = 0;
        config.admin_emails = vec![" Root@Example.com".to_owned()];
    })
    .await;
    let guest = world.sign_in("root@example.com").await;
    assert_eq!(guest.claims.role, Role::Admin);
    assert_eq!(
        guest.reply.user.as_ref().expect("a user").role(),
        AccountRole::Admin
    );
    assert_eq!(world.audit("role_changed").await, ["ok"]);
    let [changed] = world
        .events::<AccountRoleChanged>()
        .await
        .try_into()
        .expect("one event");
    assert_eq!(
        (changed.account_id, changed.role.as_str()),
        (guest.account_id(), "admin")
    );
    // It happens once.
    world.sign_in("root@example.com").await;
    assert_eq!(world.events::<AccountRoleChanged>().await.len(), 1);
    assert_eq!(
        world.sign_in(&fresh_address()).await.claims.role,
        Role::User
    );
}

#[tokio::test]
async fn au_23_au_9_a_role_change_makes_older_tokens_stale_and_spares_the_new_one() {
    let world = World::with(|config| {
        config.otp.resend_gap_seconds = 0;
        config.admin_emails = vec!["root@example.com".to_owned()];
    })
    .await;
    let first = world.sign_in("root@example.com").await;
    world
        .sql("update account.user_accounts set role = 'user'")
        .await;
    let second = world.sign_in("root@example.com").await;
    assert_eq!(
        world
            .all::<String>("select kind from account.revocations")
            .await,
        ["role", "role"]
    );
    let effective: Vec<i64> = world
        .all("select extract(epoch from date_trunc('second', effective_at))::bigint from account.revocations order by seq")
        .await;
    // Both within one second or not: each token outlives its own change and falls by the next.
    assert!(first.claims.iat > effective[0] && first.claims.iat <= effective[1]);
    assert!(second.claims.iat > effective[1]);
}

#[tokio::test]
async fn au_24_a_sign_in_from_an_unseen_device_and_network_is_marked() {
    let world = World::with(|config| {
        config.otp.resend_gap_seconds = 0;
        config.otp.sends = 100;
    })
    .await;
    let email = fresh_address();
    world.sign_in(&email).await;
    world.sign_in(&email).await;
    world
        .sql("update account.sessions set user_agent = 'other/1.0', ip = '127.0.0.77'")
        .await;
    world.sign_in(&email).await;
    world
        .sql("update account.sessions set user_agent = 'other/1.0', ip = '10.0.0.1'")
        .await;
    world.sign_in(&email).await;
    let marked: Vec<bool> = world
        .events::<AccountLoggedIn>()
        .await
        .iter()
        .map(|login| login.new_device)
        .collect();
    assert_eq!(marked, [false, false, false, true]);
}
