//! The caller's own account, and the published keys: AU-19, AU-21.

use contracts::auth::v1::*;
use contracts::profile::v1::ProfileCompleted;
use events::Event;
use fault::{Fault, Reason};
use identity::access::{Jwks, generate_pem};

use crate::peer::Mood;
use crate::world::{World, fresh_address};

async fn me(world: &World, ctx: &identity::Context) -> Result<GetMeResponse, Fault> {
    Ok(world
        .client(ctx)
        .get_me(GetMeRequest {})
        .await?
        .into_inner())
}

#[tokio::test]
async fn get_me_says_who_one_is() {
    let world = World::start().await;
    let email = fresh_address();
    let guest = world.sign_in(&email).await;
    let me = me(&world, &guest.ctx).await.expect("me");
    let user = guest.reply.user.clone().expect("a user");
    assert_eq!(
        (me.id.clone(), me.email.clone(), me.role()),
        (user.id, email, AccountRole::User)
    );
    assert_eq!(
        (me.created_at, me.last_login_at),
        (user.created_at, user.last_login_at)
    );
    assert!(me.email_verified && me.first_login && !me.is_migrated);
    assert_eq!(me.deletion_scheduled_for, None);
    assert_eq!(me.profiles, guest.reply.profiles);
    let active = me.active_profile.expect("an active profile");
    assert_eq!(active.id, guest.reply.active_profile_id);
    assert_eq!(active.display_name, me.profiles[0].display_name);
}

#[tokio::test]
async fn au_6_get_me_knows_the_first_profile_before_anybody_told() {
    let world = World::start().await;
    world.peer.mood(Mood::Failing);
    let guest = world.sign_in(&fresh_address()).await;
    let me = me(&world, &guest.ctx).await.expect("me");
    assert_eq!(me.profiles, guest.reply.profiles);
    assert_eq!(
        me.active_profile.expect("it").id,
        guest.reply.active_profile_id
    );
}

#[tokio::test]
async fn au_11_get_me_of_a_suspended_account_is_refused() {
    let world = World::start().await;
    let guest = world.sign_in(&fresh_address()).await;
    world
        .sql("update account.user_accounts set is_active = false")
        .await;
    assert_eq!(
        me(&world, &guest.ctx)
            .await
            .expect_err("suspended")
            .reason(),
        Reason::AccountDisabled
    );
}

#[tokio::test]
async fn user_routes_need_a_caller() {
    let world = World::start().await;
    let refused = me(&world, &world.rig.anonymous())
        .await
        .expect_err("nobody");
    assert_eq!(refused.reason(), Reason::Unauthorized);
}

#[tokio::test]
async fn au_21_profile_completed_ends_the_first_login() {
    let world = World::start().await;
    let email = fresh_address();
    let guest = world.sign_in(&email).await;
    let completed = ProfileCompleted {
        profile_id: guest.reply.active_profile_id.clone(),
        account_id: guest.account_id(),
        ..ProfileCompleted::default()
    };
    world
        .rig
        .emit("profile", Event::of(guest.claims.profile_id, 2, &completed))
        .await;
    let done = || async { !me(&world, &guest.ctx).await.expect("me").first_login };
    world.rig.eventually(done).await;
    assert!(!world.sign_in(&email).await.reply.first_login);
}

#[tokio::test]
async fn au_19_both_keys_are_published_and_one_signs() {
    let other = generate_pem().expect("a key").to_string();
    let before =
        World::with(|config| config.signing.active = chassis::Secret::new(other.clone())).await;
    let old_token = before.sign_in(&fresh_address()).await.reply.access_token;
    let world =
        World::with(|config| config.signing.other = Some(chassis::Secret::new(other))).await;
    let reply = world
        .stranger()
        .get_jwks(GetJwksRequest {})
        .await
        .expect("keys");
    let cache = reply.metadata().get("cache-control").expect("a header");
    assert_eq!(cache, "public, max-age=300");
    let body = reply.into_inner();
    assert_eq!(body.content_type, "application/json");
    let jwks = Jwks::from_json(&body.data).expect("a JWK set");
    assert_eq!(jwks.keys.len(), 2);
    assert!(!String::from_utf8_lossy(&body.data).contains("\"d\""));
    world
        .verifier()
        .await
        .access(&old_token)
        .expect("the previous key is still good");
    world.sign_in(&fresh_address()).await;
}
