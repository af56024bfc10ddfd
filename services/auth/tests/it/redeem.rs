//! Redeeming codes: AU-2, AU-4, AU-5, T1, T2, T7.

use std::time::Duration;

use contracts::auth::v1::VerifyOtpRequest;
use fault::{Fault, Reason};
use futures_util::future::join_all;

use crate::world::{World, fresh_address, other};

/// What a refusal shows outside, whole.
fn face(fault: &Fault) -> (Reason, String, Option<Duration>, usize) {
    let violations = fault.get_violations().len();
    (
        fault.reason(),
        fault.message().to_owned(),
        fault.retry_after(),
        violations,
    )
}

#[tokio::test]
async fn au_2_an_expired_code_is_not_good() {
    let world = World::with(|config| config.otp.lifetime_seconds = 1).await;
    let email = fresh_address();
    let code = world.code(&email).await;
    let gone = || async {
        world
            .rig
            .redis()
            .keys("otp:*:sign-in")
            .await
            .expect("keys")
            .is_empty()
    };
    world.rig.eventually(gone).await;
    let refused = world.verify(&email, &code).await.expect_err("expired");
    assert_eq!(refused.reason(), Reason::InvalidOtp);
    assert_eq!(world.count("account.user_accounts").await, 0);
}

#[tokio::test]
async fn au_2_t_1_the_third_wrong_try_kills_the_code() {
    let world = World::start().await;
    let email = fresh_address();
    let code = world.code(&email).await;
    for _ in 0..3 {
        let refused = world
            .verify(&email, &other(&code))
            .await
            .expect_err("wrong");
        assert_eq!(refused.reason(), Reason::InvalidOtp);
    }
    let refused = world.verify(&email, &code).await.expect_err("dead");
    assert_eq!(refused.reason(), Reason::InvalidOtp);
    assert_eq!(
        world.audit("otp_failed").await,
        ["wrong", "wrong", "wrong", "unknown"]
    );
    assert_eq!(world.count("account.user_accounts").await, 0);
}

#[tokio::test]
async fn au_2_two_wrong_tries_leave_the_code_good() {
    let world = World::start().await;
    let email = fresh_address();
    let code = world.code(&email).await;
    for _ in 0..2 {
        world
            .verify(&email, &other(&code))
            .await
            .expect_err("wrong");
    }
    world
        .verify(&email, &code)
        .await
        .expect("the third try is right");
}

#[tokio::test]
async fn au_4_a_newer_code_replaces_the_older_one() {
    let world = World::start().await;
    let email = fresh_address();
    let older = world.code(&email).await;
    let mut newer = world.code(&email).await;
    if newer == older {
        newer = world.code(&email).await;
    }
    let refused = world.verify(&email, &older).await.expect_err("replaced");
    assert_eq!(refused.reason(), Reason::InvalidOtp);
    world
        .verify(&email, &newer)
        .await
        .expect("the newest is good");
}

#[tokio::test]
async fn au_4_a_code_is_good_for_its_address_only() {
    let world = World::start().await;
    let (mine, yours) = (fresh_address(), fresh_address());
    let code = world.code(&mine).await;
    if world.code(&yours).await != code {
        world
            .verify(&yours, &code)
            .await
            .expect_err("another address's code");
    }
    world.verify(&mine, &code).await.expect("its own");
}

#[tokio::test]
async fn au_4_nine_wrong_tries_within_the_hour_refuse_the_address_until_the_window_moves() {
    let world = World::with(|config| {
        config.otp.resend_gap_seconds = 0;
        config.otp.sends = 100;
    })
    .await;
    let email = fresh_address();
    for _ in 0..3 {
        let code = world.code(&email).await;
        for _ in 0..3 {
            world
                .verify(&email, &other(&code))
                .await
                .expect_err("wrong");
        }
    }
    for refused in [
        world.verify(&email, "000000").await.expect_err("refused"),
        world.send(&email).await.expect_err("of no use"),
    ] {
        assert_eq!(refused.reason(), Reason::RateLimitExceeded);
        let wait = refused.retry_after().expect("Retry-After");
        assert!(
            wait > Duration::from_secs(3500) && wait <= Duration::from_secs(3600),
            "{wait:?}"
        );
    }
    world.age(Duration::from_secs(3601)).await;
    let code = world.code(&email).await;
    world.verify(&email, &code).await.expect("the window moved");
}

#[tokio::test]
async fn au_4_a_right_code_is_refused_too_while_the_address_is() {
    let world = World::with(|config| {
        config.otp.resend_gap_seconds = 0;
        config.otp.wrong_tries = 2;
    })
    .await;
    let email = fresh_address();
    let code = world.code(&email).await;
    for _ in 0..2 {
        world
            .verify(&email, &other(&code))
            .await
            .expect_err("wrong");
    }
    let refused = world.verify(&email, &code).await.expect_err("refused");
    assert_eq!(refused.reason(), Reason::RateLimitExceeded);
    assert_eq!(world.audit("otp_limited").await, ["refused"]);
}

#[tokio::test]
async fn au_4_t_2_of_parallel_right_codes_exactly_one_wins() {
    let world = World::start().await;
    let email = fresh_address();
    let code = world.code(&email).await;
    let replies = join_all((0..50).map(|_| world.verify(&email, &code))).await;
    let (won, lost): (Vec<_>, Vec<_>) = replies.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    for refused in lost {
        assert_eq!(refused.expect_err("lost").reason(), Reason::InvalidOtp);
    }
    assert_eq!(world.count("account.user_accounts").await, 1);
    assert_eq!(world.count("account.sessions").await, 1);
    let primary = "account.account_profiles where is_primary";
    assert_eq!(world.count(primary).await, 1);
}

#[tokio::test]
async fn au_4_t_1_of_parallel_wrong_codes_three_are_looked_at() {
    let world = World::start().await;
    let email = fresh_address();
    let code = world.code(&email).await;
    let wrong = other(&code);
    join_all((0..50).map(|_| world.verify(&email, &wrong))).await;
    let outcomes = world.audit("otp_failed").await;
    assert_eq!(outcomes.iter().filter(|why| *why == "wrong").count(), 3);
    assert_eq!(outcomes.len(), 50);
}

#[tokio::test]
async fn au_4_without_redis_sign_in_answers_503() {
    let world = World::start().await;
    let email = fresh_address();
    let code = world.code(&email).await;
    world.rig.redis().close().await;
    let refused = world.verify(&email, &code).await.expect_err("no Redis");
    assert_eq!(refused.reason(), Reason::ServiceUnavailable);
    let refused = world.send(&email).await.expect_err("no Redis");
    assert_eq!(refused.reason(), Reason::ServiceUnavailable);
    assert_eq!(world.count("account.user_accounts").await, 0);
}

#[tokio::test]
async fn au_5_every_bad_code_gets_the_same_answer() {
    let world = World::start().await;
    let email = fresh_address();
    let unknown = world
        .verify(&email, "123456")
        .await
        .expect_err("never sent");
    let code = world.code(&email).await;
    let wrong = world
        .verify(&email, &other(&code))
        .await
        .expect_err("wrong");
    world.verify(&email, &code).await.expect("right");
    let used = world.verify(&email, &code).await.expect_err("used");
    let replaced = world.code(&email).await;
    let newest = world.code(&email).await;
    let replaced = world.verify(&email, &replaced).await;
    for _ in 0..3 {
        let _dead = world.verify(&email, &other(&newest)).await;
    }
    let exhausted = world.verify(&email, &newest).await.expect_err("exhausted");
    let face_of_unknown = face(&unknown);
    assert_eq!(face_of_unknown.0, Reason::InvalidOtp);
    assert!(face_of_unknown.1.contains("new code"));
    for refused in [wrong, used, exhausted].into_iter().chain(replaced.err()) {
        assert_eq!(face(&refused), face_of_unknown);
    }
}

#[tokio::test]
async fn t_7_guesses_without_a_live_code_lock_nobody_out() {
    let world = World::start().await;
    let email = fresh_address();
    for guess in 0..20 {
        let refused = world
            .verify(&email, &format!("{guess:06}"))
            .await
            .expect_err("no code");
        assert_eq!(refused.reason(), Reason::InvalidOtp);
    }
    let code = world.code(&email).await;
    world
        .verify(&email, &code)
        .await
        .expect("the address is not locked");
}

#[tokio::test]
async fn a_bad_code_or_device_name_is_refused_by_its_field_and_counts_no_try() {
    let world = World::start().await;
    let email = fresh_address();
    let code = world.code(&email).await;
    for bad in ["", "12345", "1234567", "12345a", "１２３４５６", "12 456"] {
        let refused = world.verify(&email, bad).await.expect_err("no code");
        assert_eq!(refused.reason(), Reason::ValidationError, "{bad:?}");
        assert_eq!(refused.get_violations()[0].field, "code");
    }
    let request = VerifyOtpRequest {
        email: email.clone(),
        code: code.clone(),
        device_name: Some("x".repeat(101)),
    };
    let refused = Fault::from(
        world
            .stranger()
            .verify_otp(request)
            .await
            .expect_err("too long"),
    );
    assert_eq!(refused.get_violations()[0].field, "deviceName");
    // Spaces around are allowed, and the tries above were none.
    world
        .verify(&email, &format!("  {code} "))
        .await
        .expect("right");
}
