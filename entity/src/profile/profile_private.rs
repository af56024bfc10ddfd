//! `profile_private`: what only some see of a profile, and what its account decides for it.

use sea_orm::entity::prelude::*;

/// One row of `profile_private`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "profile_private")]
pub struct Model {
    /// The profile.
    #[sea_orm(primary_key, auto_increment = false)]
    pub profile_id: Uuid,
    /// The phone number.
    #[sea_orm(column_type = "String(StringLen::N(50))", nullable)]
    pub phone: Option<String>,
    /// What the unfinished wizard keeps: JSON text, word for word.
    #[sea_orm(column_type = "Json", nullable, select_as = "text", save_as = "json")]
    pub draft_data: Option<String>,
    /// Who sees contact data: `owner` or `connections`.
    #[sea_orm(column_type = "Text")]
    pub contact_visibility: String,
    /// Whether only connections see the account's profiles.
    pub private_account: bool,
    /// The version of the settings that were applied last; 0 for none.
    pub settings_version: i32,
    /// The version of the account state that was applied last; 0 for none.
    pub account_version: i32,
}

/// Links to other tables of the schema.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
