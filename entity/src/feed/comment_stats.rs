//! `comment_stats`: the counters of a comment, apart from its text (D13).

use sea_orm::entity::prelude::*;

/// One row a comment.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "comment_stats")]
pub struct Model {
    /// The comment.
    #[sea_orm(primary_key, auto_increment = false)]
    pub comment_id: Uuid,
    /// Rows in `likes`.
    pub likes: i32,
    /// Live direct replies.
    pub replies: i32,
}

/// No relations are followed by name.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
