//! `profile_stats`: counters of a profile, apart from its content.

use sea_orm::entity::prelude::*;

/// One row of `profile_stats`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "profile_stats")]
pub struct Model {
    /// The profile.
    #[sea_orm(primary_key, auto_increment = false)]
    pub profile_id: Uuid,
    /// How often its page was seen.
    pub views: i32,
    /// Its published posts.
    pub posts: i32,
    /// Its accepted connections.
    pub connections: i32,
}

/// Links to other tables of the schema.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
