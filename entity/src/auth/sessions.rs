//! Signed-in devices (AU-10).

use sea_orm::entity::prelude::*;

/// One row of `sessions`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    /// Claim `sid` of the session's tokens.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The account that signed in.
    pub account_id: Uuid,
    /// The profile it acts as.
    pub active_profile_id: Uuid,
    /// The name given at sign-in.
    #[sea_orm(column_type = "String(StringLen::N(100))", nullable)]
    pub device_name: Option<String>,
    /// The `User-Agent` header at sign-in, cut to 255 characters.
    #[sea_orm(column_type = "String(StringLen::N(255))", nullable)]
    pub user_agent: Option<String>,
    /// The address it was signed in from; read with its mask (`192.0.2.7/32`).
    #[sea_orm(
        column_type = "custom(\"inet\")",
        select_as = "text",
        save_as = "inet",
        nullable
    )]
    pub ip: Option<String>,
    /// When it was last used, to the minute.
    pub last_activity_at: TimeDateTimeWithTimeZone,
    /// When it ends unless it is refreshed.
    pub expires_at: TimeDateTimeWithTimeZone,
    /// When it ends whatever happens.
    pub absolute_expires_at: TimeDateTimeWithTimeZone,
    /// When it was ended.
    pub revoked_at: Option<TimeDateTimeWithTimeZone>,
    /// Why it was ended.
    #[sea_orm(column_type = "Text", nullable)]
    pub revoke_reason: Option<String>,
    /// When it began.
    pub created_at: TimeDateTimeWithTimeZone,
    /// When the row last changed.
    pub updated_at: TimeDateTimeWithTimeZone,
    /// Rises with every change.
    pub version: i32,
}

/// Links to other tables of the schema.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// The account that signed in.
    #[sea_orm(
        belongs_to = "super::user_accounts::Entity",
        from = "Column::AccountId",
        to = "super::user_accounts::Column::Id"
    )]
    Account,
}

impl ActiveModelBehavior for ActiveModel {}
