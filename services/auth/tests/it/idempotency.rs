//! Keyed sign-in and what a session is told to do (ID-1..ID-5).

use contracts::auth::v1::*;
use fault::{Fault, Reason};
use testkit::{is_replayed, keyed};
use tonic::{Response, Status};
use uuid::Uuid;

use crate::world::{World, fresh_address, other};

async fn verify(
    world: &World,
    email: &str,
    code: &str,
    key: &str,
) -> Result<Response<VerifyOtpResponse>, Status> {
    let request = VerifyOtpRequest {
        email: email.to_owned(),
        code: code.to_owned(),
        device_name: None,
    };
    world.stranger().verify_otp(keyed(key, request)).await
}

#[tokio::test]
async fn id_5_a_repeated_sign_in_gets_new_tokens_of_the_session_it_began() {
    let world = World::start().await;
    let email = fresh_address();
    let code = world.code(&email).await;
    let first = verify(&world, &email, &code, "key-1").await;
    let again = verify(&world, &email, &code, "key-1").await;
    assert!(!is_replayed(&first) && is_replayed(&again));
    let first = world.guest(first.unwrap().into_inner()).await;
    let again = world.guest(again.unwrap().into_inner()).await;
    assert_eq!(again.claims.sid, first.claims.sid);
    assert_eq!(again.claims.sub, first.claims.sub);
    assert_eq!(again.reply.profiles, first.reply.profiles);
    assert_eq!(again.reply.user, first.reply.user);
    assert!(first.reply.is_new_user && again.reply.is_new_user);
    assert_eq!(world.count("account.sessions").await, 1);
    assert_eq!(world.events::<AccountLoggedIn>().await.len(), 1);

    // Whichever answer arrived: both go on, as one family of tokens.
    let next = world.refresh(&first.reply.refresh_token).await.unwrap();
    let same = world.refresh(&again.reply.refresh_token).await.unwrap();
    let [next, same] = [&next.refresh_token, &same.refresh_token];
    assert_eq!(
        world.refresh_claims(next).await.jti,
        world.refresh_claims(same).await.jti
    );
    let late = verify(&world, &email, &code, "key-1")
        .await
        .unwrap()
        .into_inner();
    world.refresh(&late.refresh_token).await.unwrap();
}

#[tokio::test]
async fn id_5_nothing_of_the_tokens_and_no_address_is_stored() {
    let world = World::start().await;
    let email = fresh_address();
    let code = world.code(&email).await;
    let guest = world
        .guest(
            verify(&world, &email, &code, "key-1")
                .await
                .unwrap()
                .into_inner(),
        )
        .await;
    let stored = format!(
        "account.idempotency_keys where session_id = '{}'",
        guest.claims.sid
    );
    assert_eq!(world.count(&stored).await, 1);
    let bare = "account.idempotency_keys where body is null and status is null and scope like 'nobody:%' and scope !~ '@'";
    assert_eq!(world.count(bare).await, 1);
}

#[tokio::test]
async fn id_5_a_sign_in_is_repeated_for_its_address_its_code_its_key_and_a_minute_only() {
    let world = World::start().await;
    let email = fresh_address();
    let code = world.code(&email).await;
    verify(&world, &email, &code, "key-1").await.unwrap();
    let reason = |answer: Result<Response<VerifyOtpResponse>, Status>| {
        Fault::from(answer.unwrap_err()).reason()
    };
    assert_eq!(
        reason(verify(&world, &email, &other(&code), "key-1").await),
        Reason::IdempotencyKeyReused
    );
    assert_eq!(
        reason(verify(&world, &email, &code, "key-2").await),
        Reason::InvalidOtp
    );
    assert_eq!(
        reason(verify(&world, &fresh_address(), &code, "key-1").await),
        Reason::InvalidOtp
    );
    world
        .sql("update account.idempotency_keys set expires_at = now()")
        .await;
    assert_eq!(
        reason(verify(&world, &email, &code, "key-1").await),
        Reason::InvalidOtp
    );
    assert_eq!(world.count("account.sessions").await, 1);
}

#[tokio::test]
async fn id_4_a_wrong_code_does_not_use_the_key_up_and_a_disabled_account_does() {
    let world = World::start().await;
    let email = fresh_address();
    let code = world.code(&email).await;
    let wrong = verify(&world, &email, &other(&code), "key-1")
        .await
        .unwrap_err();
    assert_eq!(Fault::from(wrong).reason(), Reason::InvalidOtp);
    verify(&world, &email, &code, "key-1").await.unwrap();

    world
        .sql("update account.user_accounts set is_active = false")
        .await;
    let code = world.code(&email).await;
    for replayed in [false, true] {
        let refused = verify(&world, &email, &code, "key-2").await;
        assert_eq!(is_replayed(&refused), replayed);
        assert_eq!(
            Fault::from(refused.unwrap_err()).reason(),
            Reason::AccountDisabled
        );
    }
}

#[tokio::test]
async fn id_5_a_session_that_ended_is_not_taken_up_again() {
    let world = World::start().await;
    let email = fresh_address();
    let code = world.code(&email).await;
    let guest = world
        .guest(
            verify(&world, &email, &code, "key-1")
                .await
                .unwrap()
                .into_inner(),
        )
        .await;
    world
        .client(&guest.ctx)
        .logout(LogoutRequest::default())
        .await
        .unwrap();
    let again = verify(&world, &email, &code, "key-1").await;
    assert!(!is_replayed(&again));
    assert_eq!(
        Fault::from(again.unwrap_err()).reason(),
        Reason::TokenRevoked
    );
}

#[tokio::test]
async fn id_3_a_code_asked_for_twice_with_one_key_is_mailed_once() {
    let world = World::start().await;
    let email = fresh_address();
    let send = || {
        let mut client = world.stranger();
        let email = email.clone();
        async move {
            client
                .send_otp(keyed("key-1", SendOtpRequest { email }))
                .await
        }
    };
    let (first, again) = (send().await, send().await);
    assert!(!is_replayed(&first) && is_replayed(&again));
    assert_eq!(again.unwrap().into_inner(), first.unwrap().into_inner());
    let arrived = || async { world.sink.to(&email).first().cloned() };
    let code = world.rig.eventually(arrived).await.code();
    world.verify(&email, &code).await.unwrap();
    assert_eq!(world.sink.to(&email).len(), 1);
    assert_eq!(world.audit("otp_requested").await.len(), 1);
}

#[tokio::test]
async fn id_3_what_a_session_is_told_to_do_it_does_once() {
    let world = World::start().await;
    let guest = world.sign_in(&fresh_address()).await;
    for replayed in [false, true] {
        let done = world
            .client(&guest.ctx)
            .complete_wizard(keyed("key-1", CompleteWizardRequest {}))
            .await;
        assert_eq!(is_replayed(&done), replayed);
        assert!(!done.unwrap().into_inner().first_login);
    }
    assert_eq!(
        world.count("account.user_accounts where first_login").await,
        0
    );

    let profile_id = Uuid::now_v7().to_string();
    world.peer.give(&guest.account_id(), &profile_id, "Second");
    let mut tokens = Vec::new();
    for replayed in [false, true] {
        let profile_id = profile_id.clone();
        let request = keyed("key-2", SwitchActiveProfileRequest { profile_id });
        let switched = world
            .client(&guest.ctx)
            .switch_active_profile(request)
            .await;
        assert_eq!(is_replayed(&switched), replayed);
        tokens.push(switched.unwrap().into_inner().access_token);
    }
    assert_eq!(tokens[0], tokens[1]);
    world.claims(&tokens[1]).await;
    let shown = format!(
        "account.idempotency_keys where position('{}'::bytea in body) > 0",
        &tokens[0][..60]
    );
    assert_eq!(world.count(&shown).await, 0, "tokens are sealed");

    for replayed in [false, true] {
        let out = world
            .client(&guest.ctx)
            .logout(keyed("key-3", LogoutRequest::default()))
            .await;
        assert_eq!(is_replayed(&out), replayed);
        assert_eq!(out.unwrap().into_inner().ended_sessions, 1);
    }
    assert_eq!(world.audit("logout").await.len(), 1);
}
