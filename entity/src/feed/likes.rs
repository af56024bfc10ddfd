//! `likes`: who likes which post or comment.

use sea_orm::entity::prelude::*;

/// What is liked (`likeable_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "likeable_type")]
pub enum LikeableType {
    /// A post.
    #[sea_orm(string_value = "post")]
    Post,
    /// A comment.
    #[sea_orm(string_value = "comment")]
    Comment,
}

/// One row; exactly one of `post_id` and `comment_id` is set (D10).
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "likes")]
pub struct Model {
    /// `UUIDv7`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Who likes it.
    pub profile_id: Uuid,
    /// The account of that profile.
    pub account_id: Uuid,
    /// What is liked.
    pub likeable_type: LikeableType,
    /// The post.
    pub post_id: Option<Uuid>,
    /// The comment.
    pub comment_id: Option<Uuid>,
    /// Whether not everybody may see that profile (`profile_ref`).
    pub is_guarded: bool,
    /// When.
    pub created_at: TimeDateTimeWithTimeZone,
}

/// No relations are followed by name.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
