//! Accounts: one person's sign-in, one e-mail address.

use sea_orm::entity::prelude::*;

/// One row of `user_accounts`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "user_accounts")]
pub struct Model {
    /// Claim `sub` of the account's tokens.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The user in Supabase's own schema, where there is one (D4).
    #[sea_orm(unique)]
    pub auth_user_id: Option<Uuid>,
    /// Normalised address (D7); unique among accounts that are not deleted.
    #[sea_orm(column_type = "String(StringLen::N(255))")]
    pub email: String,
    /// Whether a code sent to the address was redeemed.
    pub email_verified: bool,
    /// `user`, `staff` or `admin`.
    #[sea_orm(column_type = "Text")]
    pub role: String,
    /// False while suspended.
    pub is_active: bool,
    /// Why it is suspended.
    #[sea_orm(column_type = "Text", nullable)]
    pub disabled_reason: Option<String>,
    /// When the suspension ends by itself.
    pub disabled_until: Option<TimeDateTimeWithTimeZone>,
    /// True until the profile wizard is done with (AU-21).
    pub first_login: bool,
    /// Whether it came from the old platform.
    pub is_migrated: bool,
    /// When its migration was completed.
    pub migration_completed_at: Option<TimeDateTimeWithTimeZone>,
    /// When it last signed in (AU-11).
    pub last_login_at: Option<TimeDateTimeWithTimeZone>,
    /// The id its first profile has or will have (C5).
    pub initial_profile_id: Uuid,
    /// When it will be deleted.
    pub deletion_scheduled_for: Option<TimeDateTimeWithTimeZone>,
    /// When it was deleted.
    pub deleted_at: Option<TimeDateTimeWithTimeZone>,
    /// When it was made.
    pub created_at: TimeDateTimeWithTimeZone,
    /// When it last changed.
    pub updated_at: TimeDateTimeWithTimeZone,
    /// Rises with every change.
    pub version: i32,
}

/// Links to other tables of the schema.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
