//! Handlers of the caller's own account.

use contracts::auth::v1 as api;
use identity::{Context, Role};
use tonic::{Request, Response};

use super::{Reply, Server, timestamp};
use crate::app::account::Me;
use crate::domain::profile::OwnProfile;

impl Server {
    pub(super) async fn do_get_me(
        &self,
        request: Request<api::GetMeRequest>,
    ) -> Reply<api::GetMeResponse> {
        let caller = self.caller(&Context::of(&request)).await?;
        Ok(Response::new(reply(self.app.me(&caller).await?)))
    }

    pub(super) async fn do_complete_wizard(
        &self,
        request: Request<api::CompleteWizardRequest>,
    ) -> Reply<api::CompleteWizardResponse> {
        let ctx = Context::of(&request);
        let caller = self.caller(&ctx).await?;
        self.app.complete_wizard(&ctx, caller.account_id).await?;
        Ok(Response::new(api::CompleteWizardResponse {
            message: "Welcome".to_owned(),
            first_login: false,
        }))
    }
}

fn reply(me: Me) -> api::GetMeResponse {
    let Me {
        account,
        profiles,
        active_profile_id,
    } = me;
    let active = profiles
        .iter()
        .find(|profile| profile.id == active_profile_id);
    api::GetMeResponse {
        id: account.id.to_string(),
        email_verified: account.email_verified,
        role: role(account.role).into(),
        created_at: Some(timestamp(account.created_at)),
        last_login_at: account.last_login_at.map(timestamp),
        first_login: account.first_login,
        is_migrated: account.is_migrated,
        deletion_scheduled_for: account.deletion_scheduled_for.map(timestamp),
        active_profile: active.map(|profile| api::ActiveProfile {
            id: profile.id.to_string(),
            display_name: profile.display_name.clone(),
            profile_type: profile.profile_type.into(),
            avatar_url: profile.avatar_url.clone(),
        }),
        profiles: profiles.into_iter().map(own_profile).collect(),
        email: account.email,
    }
}

/// A profile as sign-in replies list it.
pub(super) fn own_profile(profile: OwnProfile) -> api::OwnProfile {
    api::OwnProfile {
        id: profile.id.to_string(),
        display_name: profile.display_name,
        profile_type: profile.profile_type.into(),
        is_primary: profile.is_primary,
        avatar_url: profile.avatar_url,
        bio: profile.bio,
        status: profile.status.into(),
        completion_percentage: profile.completion,
    }
}

/// A role as the contract says it.
pub(super) const fn role(role: Role) -> api::AccountRole {
    match role {
        Role::User => api::AccountRole::User,
        Role::Staff => api::AccountRole::Staff,
        Role::Admin => api::AccountRole::Admin,
    }
}
