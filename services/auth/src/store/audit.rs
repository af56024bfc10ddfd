//! The audit log (AU-14): rows are added, and removed when they are old; never changed.

use entity::auth::audit_log::{ActiveModel, Column, Entity};
use fault::Result;
use identity::Context;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    OtpRequested,
    OtpVerified,
    OtpFailed,
    OtpLimited,
    Login,
    Refresh,
    RefreshReuse,
    Logout,
    SessionRevoked,
    ProfileSwitched,
    RoleChanged,
}

impl Action {
    const fn word(self) -> &'static str {
        match self {
            Self::OtpRequested => "otp_requested",
            Self::OtpVerified => "otp_verified",
            Self::OtpFailed => "otp_failed",
            Self::OtpLimited => "otp_limited",
            Self::Login => "login",
            Self::Refresh => "refresh",
            Self::RefreshReuse => "refresh_reuse",
            Self::Logout => "logout",
            Self::SessionRevoked => "session_revoked",
            Self::ProfileSwitched => "profile_switched",
            Self::RoleChanged => "role_changed",
        }
    }
}

/// One thing that happened, to be noted with who asked for it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    action: Action,
    outcome: &'static str,
    account_id: Option<Uuid>,
    session_id: Option<Uuid>,
    email_hash: Option<[u8; 32]>,
    detail: Option<(&'static str, String)>,
}

impl Entry {
    /// Something that went well.
    pub(crate) const fn ok(action: Action) -> Self {
        Self::new(action, "ok")
    }

    /// Something with another outcome, in one lower-snake word.
    pub(crate) const fn new(action: Action, outcome: &'static str) -> Self {
        Self {
            action,
            outcome,
            account_id: None,
            session_id: None,
            email_hash: None,
            detail: None,
        }
    }

    /// To which account.
    pub(crate) const fn account(mut self, id: Uuid) -> Self {
        self.account_id = Some(id);
        self
    }

    /// In or to which session.
    pub(crate) const fn session(mut self, id: Uuid) -> Self {
        self.session_id = Some(id);
        self
    }

    /// To which address, as its keyed hash.
    pub(crate) const fn email(mut self, hash: [u8; 32]) -> Self {
        self.email_hash = Some(hash);
        self
    }

    /// What else is worth knowing.
    pub(crate) fn detail(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.detail = Some((name, value.into()));
        self
    }

    /// Adds the row.
    pub(crate) async fn write(self, db: &impl ConnectionTrait, ctx: &Context) -> Result<()> {
        let mut detail = json!({ "requestId": ctx.request_id() });
        if let (Some(detail), Some((name, value))) = (detail.as_object_mut(), self.detail) {
            detail.insert(name.to_owned(), value.into());
        }
        let row = ActiveModel {
            id: Set(Uuid::now_v7()),
            action: Set(self.action.word().to_owned()),
            account_id: Set(self.account_id),
            email_hash: Set(self.email_hash.map(Vec::from)),
            session_id: Set(self.session_id),
            ip: Set(ctx.ip().map(|ip| ip.to_string())),
            user_agent: Set(ctx.user_agent().map(str::to_owned)),
            outcome: Set(self.outcome.to_owned()),
            detail: Set(Some(detail)),
            // The database's clock: the column's default.
            ..Default::default()
        };
        Entity::insert(row)
            .exec_without_returning(db)
            .await
            .map_err(store::fault)?;
        Ok(())
    }
}

/// Removes what is older than `before`; returns how many rows.
pub(crate) async fn purge(db: &impl ConnectionTrait, before: OffsetDateTime) -> Result<u64> {
    let removed = Entity::delete_many()
        .filter(Column::At.lt(before))
        .exec(db)
        .await
        .map_err(store::fault)?;
    Ok(removed.rows_affected)
}
