//! `block_ref`: which account blocked which, as the connection service tells it; a projection.

use sea_orm::entity::prelude::*;

/// One row of `block_ref`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "block_ref")]
pub struct Model {
    /// The account that blocked.
    #[sea_orm(primary_key, auto_increment = false)]
    pub blocker_account: Uuid,
    /// The account that is blocked.
    #[sea_orm(primary_key, auto_increment = false)]
    pub blocked_account: Uuid,
    /// The version of the pair that was applied last.
    pub version: i32,
    /// When the block ended.
    pub removed_at: Option<TimeDateTimeWithTimeZone>,
}

/// Links to other tables of the schema.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
