//! The account's profiles: AU-12, C10, EB-4.

use contracts::auth::v1::*;
use contracts::profile::v1::*;
use events::Event;
use fault::{Fault, Reason};
use identity::Context;
use uuid::Uuid;

use crate::world::{Guest, World, fresh_address};

async fn switch(
    world: &World,
    ctx: &Context,
    id: &str,
) -> Result<SwitchActiveProfileResponse, Fault> {
    let request = SwitchActiveProfileRequest {
        profile_id: id.to_owned(),
    };
    Ok(world
        .client(ctx)
        .switch_active_profile(request)
        .await?
        .into_inner())
}

fn told(guest: &Guest, id: Uuid, name: &str, version: i32) -> (ProfileRef, ProfileSummary) {
    let profile = ProfileRef {
        profile_id: id.to_string(),
        account_id: guest.account_id(),
        display_name: name.to_owned(),
        profile_type: ProfileType::Mentor.into(),
        state: ProfileState::Live.into(),
        version,
        ..ProfileRef::default()
    };
    let summary = ProfileSummary {
        bio: Some("about".to_owned()),
        status: ProfileStatus::Complete.into(),
        completion_percentage: 70,
        ..ProfileSummary::default()
    };
    (profile, summary)
}

async fn create(world: &World, guest: &Guest, id: Uuid, name: &str, version: i32) {
    let (profile, summary) = told(guest, id, name, version);
    let created = ProfileCreated {
        profile: Some(profile),
        summary: Some(summary),
    };
    world
        .rig
        .emit("profile", Event::of(id, version, &created))
        .await;
}

async fn update(world: &World, guest: &Guest, id: Uuid, name: &str, version: i32) {
    let (profile, summary) = told(guest, id, name, version);
    let updated = ProfileUpdated {
        profile: Some(profile),
        summary: Some(summary),
        changed: Vec::new(),
    };
    world
        .rig
        .emit("profile", Event::of(id, version, &updated))
        .await;
}

async fn delete(world: &World, guest: &Guest, id: Uuid, new_primary: &str, version: i32) {
    let (profile, _) = told(guest, id, "gone", version);
    let deleted = ProfileDeleted {
        profile: Some(profile),
        new_primary_id: new_primary.to_owned(),
    };
    world
        .rig
        .emit("profile", Event::of(id, version, &deleted))
        .await;
}

async fn names(world: &World) -> Vec<String> {
    world
        .all("select display_name from account.account_profiles where status <> 'deleted' order by is_primary desc, profile_id")
        .await
}

#[tokio::test]
async fn c_10_switching_answers_a_token_naming_the_profile_and_the_profile_whole() {
    let world = World::start().await;
    let guest = world.sign_in(&fresh_address()).await;
    let second = Uuid::now_v7().to_string();
    world.peer.give(&guest.account_id(), &second, "Second");
    let reply = switch(&world, &guest.ctx, &second).await.expect("switched");
    assert_eq!(
        (reply.active_profile_id.as_str(), reply.expires_in),
        (second.as_str(), 3600)
    );
    assert_eq!(reply.profile.expect("the profile").display_name, "Second");
    let claims = world.claims(&reply.access_token).await;
    assert_eq!(
        (claims.profile_id.to_string(), claims.sid),
        (second.clone(), guest.claims.sid)
    );
    let next = world
        .refresh(&guest.reply.refresh_token)
        .await
        .expect("refreshed");
    assert_eq!(next.active_profile_id, second);
    assert_eq!(world.audit("profile_switched").await, ["ok"]);
    let [changed] = world
        .events::<ActiveProfileChanged>()
        .await
        .try_into()
        .expect("one event");
    assert_eq!(
        (changed.session_id, changed.profile_id),
        (guest.claims.sid.to_string(), second.clone())
    );
    // Nothing is revoked: the older token goes on naming the profile before (AU-12).
    assert_eq!(world.count("account.revocations").await, 0);
    // Again: a token, but no news.
    switch(&world, &guest.ctx, &second).await.expect("as it is");
    assert_eq!(world.events::<ActiveProfileChanged>().await.len(), 1);
}

#[tokio::test]
async fn c_9_each_session_has_its_own_active_profile() {
    let world = World::start().await;
    let email = fresh_address();
    let (one, two) = (world.sign_in(&email).await, world.sign_in(&email).await);
    let second = Uuid::now_v7().to_string();
    world.peer.give(&one.account_id(), &second, "Second");
    switch(&world, &one.ctx, &second).await.expect("switched");
    let other = world
        .refresh(&two.reply.refresh_token)
        .await
        .expect("refreshed");
    assert_eq!(other.active_profile_id, two.reply.active_profile_id);
}

#[tokio::test]
async fn c_10_a_foreign_profile_is_403_when_visible_and_404_when_not() {
    let world = World::start().await;
    let guest = world.sign_in(&fresh_address()).await;
    let (visible, hidden) = (Uuid::now_v7().to_string(), Uuid::now_v7().to_string());
    world.peer.show(&visible);
    let refused = switch(&world, &guest.ctx, &visible)
        .await
        .expect_err("foreign");
    assert_eq!(refused.reason(), Reason::Forbidden);
    let refused = switch(&world, &guest.ctx, &hidden)
        .await
        .expect_err("invisible");
    assert_eq!(refused.reason(), Reason::NotFound);
    let refused = switch(&world, &guest.ctx, "x").await.expect_err("no id");
    assert_eq!(refused.get_violations()[0].field, "profileId");
    assert!(world.events::<ActiveProfileChanged>().await.is_empty());
    assert!(world.audit("profile_switched").await.is_empty());
}

#[tokio::test]
async fn c_10_an_ended_session_cannot_switch() {
    let world = World::start().await;
    let guest = world.sign_in(&fresh_address()).await;
    let second = Uuid::now_v7().to_string();
    world.peer.give(&guest.account_id(), &second, "Second");
    world
        .sql("update account.sessions set revoked_at = now(), revoke_reason = 'logout'")
        .await;
    let refused = switch(&world, &guest.ctx, &second).await.expect_err("over");
    assert_eq!(refused.reason(), Reason::TokenRevoked);
    world.rig.remove("profile");
    let refused = switch(&world, &guest.ctx, &second)
        .await
        .expect_err("nobody to ask");
    assert_eq!(refused.reason(), Reason::ServiceUnavailable);
}

#[tokio::test]
async fn eb_4_profiles_are_listed_as_last_told_whatever_the_order() {
    let world = World::start().await;
    let guest = world.sign_in(&fresh_address()).await;
    let first = world
        .ask::<String>("select display_name from account.account_profiles")
        .await;
    let second = Uuid::now_v7();
    update(&world, &guest, second, "Newest", 3).await;
    create(&world, &guest, second, "Oldest", 1).await;
    update(&world, &guest, second, "Older", 2).await;
    let third = Uuid::now_v7();
    create(&world, &guest, third, "Third", 1).await;
    world
        .rig
        .eventually(|| async { names(&world).await.len() == 3 })
        .await;
    assert_eq!(names(&world).await, [first.as_str(), "Newest", "Third"]);
    let me = world
        .client(&guest.ctx)
        .get_me(GetMeRequest {})
        .await
        .expect("me")
        .into_inner();
    assert_eq!(me.profiles.len(), 3);
    assert_eq!(me.profiles[1].bio.as_deref(), Some("about"));
    assert_eq!(me.profiles[1].status(), ProfileStatus::Complete);
    assert_eq!(me.profiles[1].completion_percentage, 70);
}

#[tokio::test]
async fn au_12_the_primary_profile_follows_its_event() {
    let world = World::start().await;
    let email = fresh_address();
    let guest = world.sign_in(&email).await;
    let second = Uuid::now_v7();
    create(&world, &guest, second, "Second", 1).await;
    let change = ProfilePrimaryChanged {
        account_id: guest.account_id(),
        profile_id: second.to_string(),
        previous_profile_id: guest.reply.active_profile_id.clone(),
        version: 2,
        previous_version: 2,
    };
    world
        .rig
        .emit("profile", Event::of(second, 2, &change))
        .await;
    let primary = || async {
        let first = names(&world).await.into_iter().next();
        first.as_deref() == Some("Second")
    };
    world.rig.eventually(primary).await;
    assert_eq!(
        world
            .count("account.account_profiles where is_primary")
            .await,
        1
    );
    let next = world.sign_in(&email).await.reply;
    assert_eq!(next.active_profile_id, second.to_string());
    assert_eq!(next.profiles[0].id, second.to_string());
}

#[tokio::test]
async fn eb_5_a_primary_change_that_is_early_is_taken_up_once_the_profile_is_told() {
    let world = World::start().await;
    let guest = world.sign_in(&fresh_address()).await;
    let second = Uuid::now_v7();
    let change = ProfilePrimaryChanged {
        account_id: guest.account_id(),
        profile_id: second.to_string(),
        previous_profile_id: guest.reply.active_profile_id.clone(),
        version: 2,
        previous_version: 2,
    };
    world
        .rig
        .emit("profile", Event::of(second, 2, &change))
        .await;
    let waiting = || async { world.count("account.dead_letters").await == 1 };
    world.rig.eventually(waiting).await;
    let undone = "account.account_profiles where is_primary";
    assert_eq!(
        world.count(undone).await,
        1,
        "half of it would leave nobody primary"
    );
    create(&world, &guest, second, "Second", 1).await;
    let primary = || async {
        names(&world)
            .await
            .first()
            .is_some_and(|name| name == "Second")
    };
    world.rig.eventually(primary).await;
    assert_eq!(world.count(undone).await, 1);
}

#[tokio::test]
async fn au_12_a_deleted_profile_moves_its_sessions_and_outdates_tokens_naming_it() {
    let world = World::start().await;
    let guest = world.sign_in(&fresh_address()).await;
    let first = guest.reply.active_profile_id.clone();
    let second = Uuid::now_v7();
    world
        .peer
        .give(&guest.account_id(), &second.to_string(), "Second");
    create(&world, &guest, second, "Second", 1).await;
    let acting = switch(&world, &guest.ctx, &second.to_string())
        .await
        .expect("switched");
    let claims = world.claims(&acting.access_token).await;
    delete(&world, &guest, second, &first, 2).await;
    let state = || async {
        let request = CheckSessionRequest {
            session_id: claims.sid.to_string(),
            account_id: claims.sub.to_string(),
            profile_id: second.to_string(),
            issued_at: claims.iat,
        };
        let reply = world
            .client(&world.rig.anonymous())
            .check_session(request)
            .await;
        reply.expect("a verdict").into_inner().state() == SessionState::Stale
    };
    world.rig.eventually(state).await;
    let next = world
        .refresh(&guest.reply.refresh_token)
        .await
        .expect("refresh works");
    assert_eq!(next.active_profile_id, first);
    let moved = world.events::<ActiveProfileChanged>().await;
    assert_eq!(moved.last().expect("told").profile_id, first);
    // The profile is gone for switching too, even if the profile service were behind.
    let refused = switch(&world, &guest.ctx, &second.to_string())
        .await
        .expect_err("deleted");
    assert_eq!(refused.reason(), Reason::NotFound);
}

#[tokio::test]
async fn eb_4_a_late_event_does_not_revive_a_deleted_profile() {
    let world = World::start().await;
    let guest = world.sign_in(&fresh_address()).await;
    let first = guest.reply.active_profile_id.clone();
    let (second, third) = (Uuid::now_v7(), Uuid::now_v7());
    delete(&world, &guest, second, &first, 3).await;
    create(&world, &guest, second, "Second", 1).await;
    update(&world, &guest, second, "Second", 9).await;
    create(&world, &guest, third, "Third", 1).await;
    world
        .rig
        .eventually(|| async { names(&world).await.len() == 2 })
        .await;
    assert_eq!(
        world
            .count("account.account_profiles where status = 'deleted'")
            .await,
        1
    );
    let kept: String = world
        .ask("select display_name || coalesce(bio, '') from account.account_profiles where status = 'deleted'")
        .await;
    assert!(kept.is_empty(), "nothing of it is kept");
}
