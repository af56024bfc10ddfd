//! The generated trait: each handler decodes, calls the operation and encodes.

mod account;
mod internal;
mod otp;
mod session;
mod settings;

use std::sync::Arc;

use contracts::auth::v1 as api;
use contracts::auth::v1::auth_service_server::AuthService;
use contracts::common::v1::Message;
use contracts::google::api::HttpBody;
use futures_util::stream::BoxStream;
use identity::{Caller, Context};
use prost_types::Timestamp;
use time::OffsetDateTime;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::app::App;

/// What a handler returns.
type Reply<T> = Result<Response<T>, Status>;

/// The service behind the contract.
#[derive(Debug)]
pub(crate) struct Server {
    app: Arc<App>,
}

impl Server {
    pub(crate) fn new(app: Arc<App>) -> Self {
        Self { app }
    }

    /// Returns who calls, and notes that the session is in use.
    async fn caller(&self, ctx: &Context) -> Result<Caller, Status> {
        let caller = ctx.require_caller()?.clone();
        self.app.touch(caller.account_id, caller.session_id).await?;
        Ok(caller)
    }
}

#[tonic::async_trait]
impl AuthService for Server {
    async fn send_otp(&self, request: Request<api::SendOtpRequest>) -> Reply<api::SendOtpResponse> {
        self.do_send_otp(request).await
    }

    async fn verify_otp(
        &self,
        request: Request<api::VerifyOtpRequest>,
    ) -> Reply<api::VerifyOtpResponse> {
        self.do_verify_otp(request).await
    }

    async fn refresh_token(
        &self,
        request: Request<api::RefreshTokenRequest>,
    ) -> Reply<api::RefreshTokenResponse> {
        self.do_refresh_token(request).await
    }

    async fn logout(&self, request: Request<api::LogoutRequest>) -> Reply<api::LogoutResponse> {
        self.do_logout(request).await
    }

    async fn get_me(&self, request: Request<api::GetMeRequest>) -> Reply<api::GetMeResponse> {
        self.do_get_me(request).await
    }

    async fn complete_wizard(
        &self,
        request: Request<api::CompleteWizardRequest>,
    ) -> Reply<api::CompleteWizardResponse> {
        self.do_complete_wizard(request).await
    }

    async fn switch_active_profile(
        &self,
        request: Request<api::SwitchActiveProfileRequest>,
    ) -> Reply<api::SwitchActiveProfileResponse> {
        self.do_switch_active_profile(request).await
    }

    async fn list_sessions(
        &self,
        request: Request<api::ListSessionsRequest>,
    ) -> Reply<api::ListSessionsResponse> {
        self.do_list_sessions(request).await
    }

    async fn revoke_session(&self, request: Request<api::RevokeSessionRequest>) -> Reply<Message> {
        self.do_revoke_session(request).await
    }

    async fn get_settings(
        &self,
        request: Request<api::GetSettingsRequest>,
    ) -> Reply<api::Settings> {
        self.do_get_settings(request).await
    }

    async fn update_settings(
        &self,
        request: Request<api::UpdateSettingsRequest>,
    ) -> Reply<api::Settings> {
        self.do_update_settings(request).await
    }

    async fn get_jwks(&self, _: Request<api::GetJwksRequest>) -> Reply<HttpBody> {
        Ok(self.do_get_jwks())
    }

    async fn check_session(
        &self,
        request: Request<api::CheckSessionRequest>,
    ) -> Reply<api::CheckSessionResponse> {
        self.do_check_session(request).await
    }

    async fn list_account_refs(
        &self,
        request: Request<api::ListAccountRefsRequest>,
    ) -> Reply<api::ListAccountRefsResponse> {
        self.do_list_account_refs(request).await
    }

    type WatchRevocationsStream = BoxStream<'static, Result<api::RevocationBatch, Status>>;

    async fn watch_revocations(
        &self,
        request: Request<api::WatchRevocationsRequest>,
    ) -> Reply<Self::WatchRevocationsStream> {
        self.do_watch_revocations(request).await
    }
}

/// A point in time as the contracts say it.
fn timestamp(at: OffsetDateTime) -> Timestamp {
    Timestamp {
        seconds: at.unix_timestamp(),
        // Below 10^9, so it always fits.
        nanos: i32::try_from(at.nanosecond()).unwrap_or(0),
    }
}

/// Reads an id whose shape the contract has checked.
fn id(text: &str) -> Result<Uuid, Status> {
    text.parse()
        .map_err(|_| fault::Fault::invalid("id", "must be a UUID").into())
}
