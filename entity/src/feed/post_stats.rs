//! `post_stats`: the counters of a post, apart from its content (D13).

use sea_orm::entity::prelude::*;

/// One row a post.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "post_stats")]
pub struct Model {
    /// The post.
    #[sea_orm(primary_key, auto_increment = false)]
    pub post_id: Uuid,
    /// Rows in `likes`.
    pub likes: i32,
    /// Those of them of profiles not everybody may see.
    pub guarded_likes: i32,
    /// Live rows in `comments`.
    pub comments: i32,
    /// Rows there were in `post_views`.
    pub views: i32,
}

/// No relations are followed by name.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
