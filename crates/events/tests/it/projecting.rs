//! Projections: the same whatever the order and number of deliveries (PJ-1, PJ-2, T51).

use contracts::auth::v1::{AccountDeactivated, AccountDeleted, AccountReactivated};
use contracts::common::v1::Envelope;
use contracts::connection::v1::{
    ConnectionAccepted, ConnectionRemoved, ProfileBlocked, ProfileMuted, ProfileUnblocked,
    ProfileUnmuted,
};
use contracts::group::v1::{
    GroupCreated, GroupDeleted, GroupMemberJoined, GroupMemberLeft, GroupMemberRoleChanged,
    GroupUpdated,
};
use contracts::profile::v1::{
    ProfileCreated, ProfileDeleted, ProfileRef, ProfileState, ProfileType, ProfileUpdated,
    ProfileVisibility, ProfileVisibilityChanged,
};
use events::{Consumer, Event, projections};
use rand::seq::SliceRandom as _;
use testkit::Rig;
use uuid::Uuid;

use crate::scene;

async fn start(rig: &Rig) {
    let consumer = Consumer::new("feed", rig.db("feed"), rig.redis().clone());
    for task in projections::groups(projections::all_five(consumer)).tasks() {
        rig.spawn(task).await;
    }
}

fn profile(id: Uuid, account: Uuid, version: i32) -> Option<ProfileRef> {
    Some(ProfileRef {
        profile_id: id.to_string(),
        account_id: account.to_string(),
        display_name: format!("Name {version}"),
        username: (version > 1).then(|| "somebody".to_owned()),
        profile_type: ProfileType::Mentor.into(),
        tags: vec!["rust".to_owned(), format!("v{version}")],
        visibility: if version == 3 {
            ProfileVisibility::Private
        } else {
            ProfileVisibility::Public
        }
        .into(),
        state: if version == 4 {
            ProfileState::Deleted
        } else {
            ProfileState::Live
        }
        .into(),
        version,
        ..ProfileRef::default()
    })
}

/// The whole story of one of everything, with the service each event comes from.
fn story() -> Vec<(&'static str, Envelope)> {
    let [account, other, a, b, group] = [(); 5].map(|()| Uuid::now_v7());
    let id = |id: Uuid| id.to_string();
    let ctx = identity::Context::background("story", std::time::Duration::from_secs(5));
    let mut story = Vec::new();
    let mut tell = |service, event: Event| story.push((service, event.into_envelope(&ctx)));
    tell(
        "profile",
        Event::of(
            a,
            1,
            &ProfileCreated {
                profile: profile(a, account, 1),
                ..Default::default()
            },
        ),
    );
    tell(
        "profile",
        Event::of(
            a,
            2,
            &ProfileUpdated {
                profile: profile(a, account, 2),
                ..Default::default()
            },
        ),
    );
    tell(
        "profile",
        Event::of(
            a,
            3,
            &ProfileVisibilityChanged {
                profile: profile(a, account, 3),
            },
        ),
    );
    tell(
        "profile",
        Event::of(
            b,
            1,
            &ProfileCreated {
                profile: profile(b, other, 1),
                ..Default::default()
            },
        ),
    );
    tell(
        "profile",
        Event::of(
            b,
            4,
            &ProfileDeleted {
                profile: profile(b, other, 4),
                ..Default::default()
            },
        ),
    );
    tell(
        "auth",
        Event::of(
            account,
            2,
            &AccountDeactivated {
                account_id: id(account),
                version: 2,
                ..Default::default()
            },
        ),
    );
    tell(
        "auth",
        Event::of(
            account,
            3,
            &AccountReactivated {
                account_id: id(account),
                version: 3,
            },
        ),
    );
    tell(
        "auth",
        Event::of(
            other,
            5,
            &AccountDeleted {
                account_id: id(other),
                version: 5,
            },
        ),
    );
    let pair = |version| (id(b), id(a), version);
    let (requester_profile_id, addressee_profile_id, version) = pair(1);
    tell(
        "connection",
        Event::of(
            a,
            1,
            &ConnectionAccepted {
                requester_profile_id,
                addressee_profile_id,
                version,
                ..Default::default()
            },
        ),
    );
    let (requester_profile_id, addressee_profile_id, version) = pair(2);
    tell(
        "connection",
        Event::of(
            a,
            2,
            &ConnectionRemoved {
                requester_profile_id,
                addressee_profile_id,
                version,
                ..Default::default()
            },
        ),
    );
    let (blocker_account_id, blocked_account_id) = (id(account), id(other));
    tell(
        "connection",
        Event::of(
            account,
            1,
            &ProfileBlocked {
                blocker_account_id,
                blocked_account_id,
                version: 1,
                ..Default::default()
            },
        ),
    );
    let (blocker_account_id, blocked_account_id) = (id(account), id(other));
    tell(
        "connection",
        Event::of(
            account,
            2,
            &ProfileUnblocked {
                blocker_account_id,
                blocked_account_id,
                version: 2,
            },
        ),
    );
    let (account_id, muted_profile_id) = (id(account), id(b));
    tell(
        "connection",
        Event::of(
            account,
            1,
            &ProfileMuted {
                account_id,
                muted_profile_id,
                version: 1,
            },
        ),
    );
    let (account_id, muted_profile_id) = (id(account), id(b));
    tell(
        "connection",
        Event::of(
            account,
            2,
            &ProfileUnmuted {
                account_id,
                muted_profile_id,
                version: 2,
            },
        ),
    );
    let (account_id, muted_profile_id) = (id(account), id(b));
    tell(
        "connection",
        Event::of(
            account,
            3,
            &ProfileMuted {
                account_id,
                muted_profile_id,
                version: 3,
            },
        ),
    );
    let visibility = || "private".to_owned();
    tell(
        "group",
        Event::of(
            group,
            1,
            &GroupCreated {
                group_id: id(group),
                name: "One".into(),
                visibility: visibility(),
                version: 1,
            },
        ),
    );
    tell(
        "group",
        Event::of(
            group,
            2,
            &GroupUpdated {
                group_id: id(group),
                name: "Two".into(),
                visibility: visibility(),
                version: 2,
            },
        ),
    );
    tell(
        "group",
        Event::of(
            group,
            3,
            &GroupDeleted {
                group_id: id(group),
                version: 3,
            },
        ),
    );
    let role = |role: &str| role.to_owned();
    tell(
        "group",
        Event::of(
            group,
            1,
            &GroupMemberJoined {
                group_id: id(group),
                profile_id: id(a),
                account_id: id(account),
                role: role("member"),
                version: 1,
            },
        ),
    );
    tell(
        "group",
        Event::of(
            group,
            2,
            &GroupMemberRoleChanged {
                group_id: id(group),
                profile_id: id(a),
                role: role("admin"),
                version: 2,
            },
        ),
    );
    tell(
        "group",
        Event::of(
            group,
            1,
            &GroupMemberJoined {
                group_id: id(group),
                profile_id: id(b),
                account_id: id(other),
                role: role("member"),
                version: 1,
            },
        ),
    );
    tell(
        "group",
        Event::of(
            group,
            2,
            &GroupMemberLeft {
                group_id: id(group),
                profile_id: id(b),
                version: 2,
            },
        ),
    );
    story
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
