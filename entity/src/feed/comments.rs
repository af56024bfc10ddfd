//! `comments`: threads under posts.

use sea_orm::entity::prelude::*;

/// What is left of a comment (`comment_status`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "comment_status")]
pub enum Status {
    /// All of it.
    #[sea_orm(string_value = "live")]
    Live,
    /// Deleted, but holding replies together.
    #[sea_orm(string_value = "tombstone")]
    Tombstone,
    /// Deleted.
    #[sea_orm(string_value = "deleted")]
    Deleted,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "comments")]
pub struct Model {
    /// `UUIDv7`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// When the row was made.
    pub created_at: TimeDateTimeWithTimeZone,
    /// When the row was changed last.
    pub updated_at: TimeDateTimeWithTimeZone,
    /// Rises with every change of the text.
    pub version: i32,
    /// The post.
    pub post_id: Uuid,
    /// The author's profile; none when erased.
    pub profile_id: Option<Uuid>,
    /// The author's account; none when erased.
    pub account_id: Option<Uuid>,
    /// The comment it answers.
    pub parent_comment_id: Option<Uuid>,
    /// 1..3.
    pub depth: i16,
    /// Its text.
    #[sea_orm(column_type = "Text")]
    pub content: String,
    /// What is left of it.
    pub status: Status,
    /// When its text was changed.
    pub edited_at: Option<TimeDateTimeWithTimeZone>,
    /// When it was deleted.
    pub deleted_at: Option<TimeDateTimeWithTimeZone>,
}

/// No relations are followed by name.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
