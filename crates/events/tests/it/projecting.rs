//! Projections: the same whatever the order and number of deliveries (PJ-1, PJ-2, T51).

use contracts::common::v1::Envelope;
use contracts::profile::v1::ProfileUpdated;
use events::{Consumer, Event, projections};
use rand::seq::SliceRandom as _;
use testkit::Rig;
use uuid::Uuid;

use crate::scene;
use crate::story::{profile, story};

async fn start(rig: &Rig) {
    let consumer = Consumer::new("feed", rig.db("feed"), rig.redis().clone());
    for task in projections::groups(projections::all_five(consumer)).tasks() {
        rig.spawn(task).await;
    }
}

/// Every row of every projection, times of ending aside.
async fn state(rig: &Rig) -> Vec<String> {
    let mut lines = Vec::new();
    for table in [
        "profile_ref",
        "account_ref",
        "connection_ref",
        "block_ref",
        "mute_ref",
        "group_ref",
        "group_member_ref",
    ] {
        let sql = format!(
            "select coalesce(string_agg(line, E'\\n' order by line), '') from
               (select ((to_jsonb(t) - 'removed_at') || jsonb_build_object('ended', to_jsonb(t) ->> 'removed_at' is not null))::text as line
                from feed.{table} t) lines"
        );
        let text: String = scene::one(rig, &sql).await.try_get_by_index(0).unwrap();
        lines.push(format!("{table}\n{text}"));
    }
    lines
}

async fn tell(rig: &Rig, story: &[(&'static str, Envelope)], events: i64) {
    for (service, envelope) in story {
        rig.deliver(service, envelope).await;
    }
    rig.eventually(|| async {
        scene::number(rig, "select count(*) from feed.inbox").await == events
    })
    .await;
}

#[tokio::test]
async fn t_51_every_event_twice_and_shuffled_leaves_the_same_projections() {
    let story = story();
    let events = i64::try_from(story.len()).unwrap();
    let rig = Rig::start().await;
    start(&rig).await;
    tell(&rig, &story, events).await;
    let told_in_order = state(&rig).await;
    assert_eq!(
        scene::number(&rig, "select count(*) from feed.dead_letters").await,
        0
    );
    for _ in 0..3 {
        let mut shuffled = [story.clone(), story.clone()].concat();
        shuffled.shuffle(&mut rand::rng());
        let other = Rig::start().await;
        start(&other).await;
        tell(&other, &shuffled, events).await;
        assert_eq!(state(&other).await, told_in_order);
    }
}

#[tokio::test]
async fn pj_2_the_story_ends_as_it_should() {
    let story = story();
    let rig = Rig::start().await;
    start(&rig).await;
    tell(&rig, &story, i64::try_from(story.len()).unwrap()).await;
    for (count, sql) in [
        (
            1,
            "select count(*) from feed.profile_ref where state = 'live' and visibility = 'private' and version = 3 and tags = '{rust,v3}' and profile_type = 'mentor' and username = 'somebody'",
        ),
        (
            1,
            "select count(*) from feed.profile_ref where state = 'deleted'",
        ),
        (
            1,
            "select count(*) from feed.account_ref where state = 'live' and version = 3",
        ),
        (
            1,
            "select count(*) from feed.account_ref where state = 'deleted'",
        ),
        (
            0,
            "select count(*) from feed.connection_ref where removed_at is null",
        ),
        (
            0,
            "select count(*) from feed.block_ref where removed_at is null",
        ),
        (
            1,
            "select count(*) from feed.mute_ref where removed_at is null",
        ),
        (
            1,
            "select count(*) from feed.group_ref where removed_at is not null",
        ),
        (
            1,
            "select count(*) from feed.group_member_ref where removed_at is null and role = 'admin'",
        ),
    ] {
        assert_eq!(scene::number(&rig, sql).await, count, "{sql}");
    }
}

#[tokio::test]
async fn pj_3_what_was_read_from_the_owner_is_not_overwritten_by_a_late_event() {
    let rig = Rig::start().await;
    let (id, account) = (Uuid::now_v7(), Uuid::now_v7());
    projections::keep_profile(rig.db("feed").connection(), profile(id, account, 3))
        .await
        .unwrap();
    start(&rig).await;
    rig.emit(
        "profile",
        Event::of(
            id,
            2,
            &ProfileUpdated {
                profile: profile(id, account, 2),
                ..Default::default()
            },
        ),
    )
    .await;
    rig.eventually(|| async { scene::number(&rig, "select count(*) from feed.inbox").await == 1 })
        .await;
    assert_eq!(
        scene::number(&rig, "select version::bigint from feed.profile_ref").await,
        3
    );
}
