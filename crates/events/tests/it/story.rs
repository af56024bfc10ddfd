//! The whole story of one of everything that is projected.

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
use events::Event;
use uuid::Uuid;

/// A profile as its version has it.
pub(crate) fn profile(id: Uuid, account: Uuid, version: i32) -> Option<ProfileRef> {
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
pub(crate) fn story() -> Vec<(&'static str, Envelope)> {
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
