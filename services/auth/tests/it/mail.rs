//! The mail queue: AU-3, AU-17.

use crate::world::{World, fresh_address};

#[tokio::test]
async fn au_17_a_mail_has_text_and_html_that_show_the_code_and_vanishes_from_the_queue() {
    let world = World::start().await;
    let mail = world.mail(&fresh_address()).await;
    let code = mail.code();
    assert!(mail.html.contains(&code) && mail.html.contains("newest"));
    assert!(mail.text.contains("newest"));
    assert!(!mail.subject.contains(&code) && mail.subject.contains("SmileFactory"));
    world
        .rig
        .eventually(|| async { world.count("account.mail_queue").await == 0 })
        .await;
}

#[tokio::test]
async fn au_17_the_reply_does_not_wait_for_the_mail_and_a_passing_failure_is_tried_again() {
    let world = World::start().await;
    let email = fresh_address();
    world.sink.answer(451);
    world
        .send(&email)
        .await
        .expect("the reply does not depend on delivery");
    world
        .rig
        .eventually(|| async { world.sink.tries() >= 2 })
        .await;
    world.sink.answer(250);
    let mail = world
        .rig
        .eventually(|| async { world.sink.to(&email).pop() })
        .await;
    world
        .verify(&email, &mail.code())
        .await
        .expect("late, but good");
    world
        .rig
        .eventually(|| async { world.count("account.mail_queue").await == 0 })
        .await;
}

#[tokio::test]
async fn au_3_a_send_that_is_refused_for_good_is_given_back() {
    let world = World::with(|_| {}).await;
    let email = fresh_address();
    world.sink.answer(550);
    world.send(&email).await.expect("queued");
    let given_back = || async {
        world
            .rig
            .redis()
            .keys("otp:*:sends")
            .await
            .expect("keys")
            .is_empty()
    };
    world.rig.eventually(given_back).await;
    assert_eq!(world.count("account.mail_queue").await, 0);
    assert_eq!(world.sink.tries(), 1);
    world.sink.answer(250);
    world
        .send(&email)
        .await
        .expect("neither share nor gap was spent");
}

#[tokio::test]
async fn au_3_au_17_a_mail_that_expires_undelivered_leaves_the_queue_and_gives_the_send_back() {
    let world = World::with(|config| config.otp.lifetime_seconds = 1).await;
    let email = fresh_address();
    world.sink.answer(451);
    world.send(&email).await.expect("queued");
    let given_back = || async {
        world
            .rig
            .redis()
            .keys("otp:*:sends")
            .await
            .expect("keys")
            .is_empty()
    };
    world.rig.eventually(given_back).await;
    assert_eq!(world.count("account.mail_queue").await, 0);
    assert_eq!(world.sink.count(), 0);
}
