//! The profiles of accounts as the profile service tells them; a projection.

use sea_orm::entity::prelude::*;

/// One row of `account_profiles`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "account_profiles")]
pub struct Model {
    /// The profile.
    #[sea_orm(primary_key, auto_increment = false)]
    pub profile_id: Uuid,
    /// Its account.
    pub account_id: Uuid,
    /// The display name; empty once deleted.
    #[sea_orm(column_type = "Text")]
    pub display_name: String,
    /// The kind of profile.
    #[sea_orm(column_type = "Text")]
    pub profile_type: String,
    /// The picture.
    #[sea_orm(column_type = "Text", nullable)]
    pub avatar_url: Option<String>,
    /// The text about the profile.
    #[sea_orm(column_type = "Text", nullable)]
    pub bio: Option<String>,
    /// `draft`, `complete`, or `deleted`: a row that only keeps late events from reviving the profile.
    #[sea_orm(column_type = "Text")]
    pub status: String,
    /// Whether it is the account's primary profile.
    pub is_primary: bool,
    /// Share of the questionnaire that is answered, 0..100.
    pub completion: i32,
    /// The version of the profile these facts are of.
    pub version: i32,
    /// The version `is_primary` is of, when it was told apart from the facts and is newer.
    pub primary_version: Option<i32>,
    /// Of a deleted profile: the one that was primary then, which its sessions act as.
    pub successor_id: Option<Uuid>,
}

/// Links to other tables of the schema.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
