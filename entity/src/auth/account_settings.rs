//! What an account's owner can set for all its profiles (SET-1).

use sea_orm::entity::prelude::*;

/// One row of `account_settings`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "account_settings")]
pub struct Model {
    /// The account.
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: Uuid,
    /// Whether only connections see the account's profiles.
    pub private_account: bool,
    /// Whether others see when the account is online.
    pub show_activity_status: bool,
    /// `everyone`, `connections` or `none`.
    #[sea_orm(column_type = "Text")]
    pub allow_messages: String,
    /// `owner` or `connections`.
    #[sea_orm(column_type = "Text")]
    pub contact_visibility: String,
    /// `light`, `dark` or `system`.
    #[sea_orm(column_type = "Text")]
    pub theme: String,
    /// `en`, `es`, `fr` or `de`.
    #[sea_orm(column_type = "Text")]
    pub language: String,
    /// IANA time zone.
    #[sea_orm(column_type = "Text")]
    pub timezone: String,
    /// How clients write dates.
    #[sea_orm(column_type = "String(StringLen::N(20))", nullable)]
    pub date_format: Option<String>,
    /// When they last changed.
    pub updated_at: TimeDateTimeWithTimeZone,
    /// Rises with every change.
    pub version: i32,
}

/// Links to other tables of the schema.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// The account they are of.
    #[sea_orm(
        belongs_to = "super::user_accounts::Entity",
        from = "Column::AccountId",
        to = "super::user_accounts::Column::Id"
    )]
    Account,
}

impl ActiveModelBehavior for ActiveModel {}
