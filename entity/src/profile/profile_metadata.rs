//! `profile_metadata`: the answers to a profile's questionnaire, one row each.

use sea_orm::entity::prelude::*;

/// One row of `profile_metadata`; the order of `id` is the order the answers were given in.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "profile_metadata")]
pub struct Model {
    /// The answer.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// When it was given.
    pub created_at: TimeDateTimeWithTimeZone,
    /// When it last changed.
    pub updated_at: TimeDateTimeWithTimeZone,
    /// Rises with every change.
    pub version: i32,
    /// The profile.
    pub profile_id: Uuid,
    /// The question.
    #[sea_orm(column_type = "String(StringLen::N(100))")]
    pub key: String,
    /// The answer: JSON text, word for word.
    #[sea_orm(column_type = "Json", select_as = "text", save_as = "json")]
    pub value: String,
    /// Who sees it: `public`, `contact` or `owner`.
    #[sea_orm(column_type = "Text")]
    pub class: String,
}

/// Links to other tables of the schema.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
