//! `post_views`: who viewed which post on which day, without saying who (FD-19).

use sea_orm::entity::prelude::*;

/// One row a viewer, post and UTC day; kept 40 days.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "post_views")]
pub struct Model {
    /// The post.
    #[sea_orm(primary_key, auto_increment = false)]
    pub post_id: Uuid,
    /// A keyed hash of the viewer, 32 bytes.
    #[sea_orm(primary_key, auto_increment = false)]
    pub viewer_key: Vec<u8>,
    /// The day, in UTC.
    #[sea_orm(primary_key, auto_increment = false)]
    pub day: TimeDate,
}

/// No relations are followed by name.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
