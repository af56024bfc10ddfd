//! `connection_ref`: which profiles are connected, as the connection service tells it; a projection.

use sea_orm::entity::prelude::*;

/// One row of `connection_ref`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "connection_ref")]
pub struct Model {
    /// The profile with the smaller id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub profile_a: Uuid,
    /// The profile with the greater id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub profile_b: Uuid,
    /// The version of the pair that was applied last.
    pub version: i32,
    /// When the connection ended.
    pub removed_at: Option<TimeDateTimeWithTimeZone>,
}

/// Links to other tables of the schema.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
