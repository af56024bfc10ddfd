//! What makes unexpired access tokens useless (AU-9).

use sea_orm::entity::prelude::*;

/// One row of `revocations`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "revocations")]
pub struct Model {
    /// Rises, but not in commit order.
    #[sea_orm(primary_key)]
    pub seq: i64,
    /// `session`, `account`, `profile` or `role`.
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    /// The session, account or profile; for `role` the account.
    pub subject_id: Uuid,
    /// Tokens issued up to the second of this time are refused (sessions: all).
    pub effective_at: TimeDateTimeWithTimeZone,
    /// No token it concerns lives longer.
    pub expires_at: TimeDateTimeWithTimeZone,
}

/// Links to other tables of the schema.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
