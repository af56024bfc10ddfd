//! Handlers of sessions and tokens.

use contracts::auth::v1 as api;
use contracts::common::v1::Message;
use identity::Context;
use tonic::{Request, Response};
use uuid::Uuid;

use super::{Reply, Server, id, timestamp};
use crate::domain::session::Session;

impl Server {
    pub(super) async fn do_refresh_token(
        &self,
        request: Request<api::RefreshTokenRequest>,
    ) -> Reply<api::RefreshTokenResponse> {
        let ctx = Context::of(&request);
        let refreshed = self
            .app
            .refresh(&ctx, &request.get_ref().refresh_token)
            .await?;
        let tokens = refreshed.tokens;
        Ok(Response::new(api::RefreshTokenResponse {
            access_token: tokens.access.token,
            refresh_token: tokens.refresh_token,
            expires_in: tokens.access.expires_in,
            refresh_expires_in: tokens.refresh_expires_in,
            active_profile_id: refreshed.active_profile_id.to_string(),
        }))
    }

    pub(super) async fn do_logout(
        &self,
        request: Request<api::LogoutRequest>,
    ) -> Reply<api::LogoutResponse> {
        let ctx = Context::of(&request);
        let only_current = request.get_ref().scope() == api::LogoutScope::Current;
        let ended = self
            .app
            .logout(&ctx, ctx.require_caller()?, only_current)
            .await?;
        Ok(Response::new(api::LogoutResponse {
            message: "Signed out".to_owned(),
            ended_sessions: i32::try_from(ended).unwrap_or(i32::MAX),
        }))
    }

    pub(super) async fn do_switch_active_profile(
        &self,
        request: Request<api::SwitchActiveProfileRequest>,
    ) -> Reply<api::SwitchActiveProfileResponse> {
        let ctx = Context::of(&request);
        let profile_id = id(&request.get_ref().profile_id)?;
        let (access, profile) = self.app.switch_profile(&ctx, profile_id).await?;
        Ok(Response::new(api::SwitchActiveProfileResponse {
            access_token: access.token,
            expires_in: access.expires_in,
            active_profile_id: profile_id.to_string(),
            profile: Some(profile),
        }))
    }

    pub(super) async fn do_list_sessions(
        &self,
        request: Request<api::ListSessionsRequest>,
    ) -> Reply<api::ListSessionsResponse> {
        let caller = self.caller(&Context::of(&request)).await?;
        let sessions = self.app.sessions(&caller).await?;
        let items = sessions
            .into_iter()
            .map(|session| item(session, caller.session_id));
        Ok(Response::new(api::ListSessionsResponse {
            items: items.collect(),
        }))
    }

    pub(super) async fn do_revoke_session(
        &self,
        request: Request<api::RevokeSessionRequest>,
    ) -> Reply<Message> {
        let ctx = Context::of(&request);
        let caller = self.caller(&ctx).await?;
        let session_id = id(&request.get_ref().id)?;
        self.app.end_session(&ctx, &caller, session_id).await?;
        Ok(Response::new(Message {
            message: "Session ended".to_owned(),
        }))
    }
}

fn item(session: Session, current: Uuid) -> api::Session {
    api::Session {
        id: session.id.to_string(),
        device_name: session.device_name,
        user_agent: session.user_agent,
        ip: session.ip.map(|ip| ip.to_string()),
        created_at: Some(timestamp(session.created_at)),
        last_activity: Some(timestamp(session.last_activity_at)),
        active_profile_id: session.active_profile_id.to_string(),
        is_current: session.id == current,
    }
}
