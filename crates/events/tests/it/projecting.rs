//! Projections: the same whatever the order and number of deliveries (PJ-1, PJ-2, T51).

use contracts::profile::v1::ProfileUpdated;
use events::{Consumer, Event, projections};
use testkit::{Rig, twice_and_shuffled};
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

#[tokio::test]
async fn t_51_every_event_twice_shuffled_and_failing_at_first_leaves_the_same_projections() {
    let story = story();
    let rig = Rig::start().await;
    start(&rig).await;
    rig.tell("feed", &story).await;
    let told_in_order = state(&rig).await;
    for _ in 0..3 {
        let (seed, shuffled) = twice_and_shuffled(&story);
        let other = Rig::start().await;
        other.fail_first_tries("feed").await;
        start(&other).await;
        other.tell("feed", &shuffled).await;
        assert_eq!(state(&other).await, told_in_order, "seed {seed}");
    }
}

#[tokio::test]
async fn pj_2_the_story_ends_as_it_should() {
    let story = story();
    let rig = Rig::start().await;
    start(&rig).await;
    rig.tell("feed", &story).await;
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
