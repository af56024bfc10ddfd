//! Sending one-time codes and redeeming them (AU-1..AU-5).

use std::time::Duration;

use fault::Fault;
use identity::Context;
use uuid::Uuid;

use super::App;
use crate::domain::code::{Code, Purpose};
use crate::domain::mail::Letter;
use crate::error::{Error, Result};
use crate::metrics;
use crate::store::audit::{Action, Entry};
use crate::store::code::{Codes, Redeemed, Sent};

impl App {
    /// Makes a code the address's newest and queues its mail. The same work for every address: whether there
    /// is an account is not looked up (AU-1, C11).
    ///
    /// # Errors
    /// `RATE_LIMIT_EXCEEDED` when the address had its share, `SERVICE_UNAVAILABLE` without Redis or PostgreSQL.
    pub(crate) async fn send_code(&self, ctx: &Context, email: &str) -> Result<()> {
        let code = Code::random().map_err(Fault::internal)?;
        let send = Uuid::now_v7();
        let tag = self.address_tag(email);
        let codes = Codes::of(&self.redis, &tag, Purpose::SignIn);
        let digest = code.digest(&self.secrets.otp, Purpose::SignIn, email);
        match codes.send(&digest, send, self.config.otp.limits()).await? {
            Sent::Stored => {}
            Sent::Limited(wait) => return self.limited(ctx, email, wait).await,
        }
        if let Err(error) = self.queue_code(ctx, email, &code, send).await {
            // The code never leaves, so the address keeps its send.
            if let Err(error) = codes.give_back(send).await {
                tracing::warn!(%error, "a send that was not queued could not be given back");
            }
            return Err(error);
        }
        metrics::otp_sent();
        Ok(())
    }

    async fn queue_code(&self, ctx: &Context, email: &str, code: &Code, send: Uuid) -> Result<()> {
        let lifetime = self.config.otp.limits().lifetime;
        let letter = Letter::SignInCode {
            code: code.digits().to_owned(),
            minutes: lifetime.as_secs().div_ceil(60),
            send,
        };
        let mut tx = self.db.begin(ctx).await?;
        self.queue_mail(&mut tx, email, &letter, lifetime).await?;
        Entry::ok(Action::OtpRequested)
            .email(self.address_hash(email))
            .write(&*tx, ctx)
            .await?;
        self.wake_mail_after(&tx);
        Ok(tx.commit().await?)
    }

    /// Uses a code up.
    ///
    /// # Errors
    /// `INVALID_OTP` whatever is wrong with it (AU-5), `RATE_LIMIT_EXCEEDED` after too many wrong tries,
    /// `SERVICE_UNAVAILABLE` without Redis.
    pub(crate) async fn redeem_code(&self, ctx: &Context, email: &str, code: &Code) -> Result<()> {
        let tag = self.address_tag(email);
        let codes = Codes::of(&self.redis, &tag, Purpose::SignIn);
        let digest = code.digest(&self.secrets.otp, Purpose::SignIn, email);
        match codes.redeem(&digest, self.config.otp.limits()).await? {
            Redeemed::Right => Ok(()),
            Redeemed::Wrong => self.refused(ctx, email, "wrong").await,
            Redeemed::Unknown => self.refused(ctx, email, "unknown").await,
            Redeemed::Limited(wait) => {
                metrics::otp_failed("limited");
                self.limited(ctx, email, wait).await
            }
        }
    }

    async fn refused(&self, ctx: &Context, email: &str, why: &'static str) -> Result<()> {
        metrics::otp_failed(why);
        Entry::new(Action::OtpFailed, why)
            .email(self.address_hash(email))
            .write(self.db.connection(), ctx)
            .await?;
        Err(Error::InvalidOtp)
    }

    async fn limited(&self, ctx: &Context, email: &str, wait: Duration) -> Result<()> {
        Entry::new(Action::OtpLimited, "refused")
            .email(self.address_hash(email))
            .write(self.db.connection(), ctx)
            .await?;
        Err(Error::Limited(wait))
    }
}
