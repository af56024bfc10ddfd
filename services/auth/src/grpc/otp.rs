//! Handlers of sign-in.

use contracts::auth::v1 as api;
use identity::Context;
use tonic::{Request, Response};

use super::account::{own_profile, role};
use super::{Reply, Server, timestamp};
use crate::app::sign_in::SignedIn;
use crate::domain::code::Code;

impl Server {
    pub(super) async fn do_send_otp(
        &self,
        request: Request<api::SendOtpRequest>,
    ) -> Reply<api::SendOtpResponse> {
        let ctx = Context::of(&request);
        self.app.send_code(&ctx, &request.get_ref().email).await?;
        let otp = &self.app.config.otp;
        let seconds = |seconds: u32| i32::try_from(seconds).unwrap_or(i32::MAX);
        Ok(Response::new(api::SendOtpResponse {
            message: "If the address can receive mail, a code is on its way".to_owned(),
            expires_in: seconds(otp.lifetime_seconds),
            resend_after: seconds(otp.resend_gap_seconds),
        }))
    }

    pub(super) async fn do_verify_otp(
        &self,
        request: Request<api::VerifyOtpRequest>,
    ) -> Reply<api::VerifyOtpResponse> {
        let ctx = Context::of(&request);
        let request = request.into_inner();
        let code = Code::given(request.code);
        let signed_in = self
            .app
            .sign_in(&ctx, &request.email, &code, request.device_name)
            .await?;
        Ok(Response::new(reply(signed_in)))
    }
}

fn reply(signed_in: SignedIn) -> api::VerifyOtpResponse {
    let SignedIn {
        account,
        session,
        profiles,
        is_new,
        tokens,
    } = signed_in;
    api::VerifyOtpResponse {
        access_token: tokens.access.token,
        refresh_token: tokens.refresh_token,
        expires_in: tokens.access.expires_in,
        refresh_expires_in: tokens.refresh_expires_in,
        profiles: profiles.into_iter().map(own_profile).collect(),
        active_profile_id: session.active_profile_id.to_string(),
        is_new_user: is_new,
        first_login: account.first_login,
        is_migrated: account.is_migrated,
        deletion_scheduled_for: account.deletion_scheduled_for.map(timestamp),
        user: Some(api::User {
            id: account.id.to_string(),
            email_verified: account.email_verified,
            created_at: Some(timestamp(account.created_at)),
            last_login_at: account.last_login_at.map(timestamp),
            is_migrated: account.is_migrated,
            role: role(account.role).into(),
            email: account.email,
        }),
    }
}
