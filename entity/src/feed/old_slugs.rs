//! `old_slugs`: names blog posts had before.

use sea_orm::entity::prelude::*;

/// One row a name.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "old_slugs")]
pub struct Model {
    /// The name.
    #[sea_orm(primary_key, auto_increment = false)]
    pub slug: String,
    /// The post that had it last.
    pub post_id: Uuid,
}

/// No relations are followed by name.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
