//! The refresh tokens of sessions, by generation (AU-8).

use sea_orm::entity::prelude::*;

/// One row of `refresh_tokens`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refresh_tokens")]
pub struct Model {
    /// Its own key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The session it refreshes.
    pub session_id: Uuid,
    /// SHA-256 of the claim `jti` (C8).
    #[sea_orm(column_type = "VarBinary(StringLen::None)", unique)]
    pub jti_hash: Vec<u8>,
    /// The token it succeeded.
    #[sea_orm(unique)]
    pub parent_id: Option<Uuid>,
    /// 0 at sign-in, one more with every successor.
    pub generation: i32,
    /// Claim `iat`.
    pub issued_at: TimeDateTimeWithTimeZone,
    /// Claim `exp`.
    pub expires_at: TimeDateTimeWithTimeZone,
    /// When it was first presented, which made its successor.
    pub first_used_at: Option<TimeDateTimeWithTimeZone>,
}

/// Links to other tables of the schema.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// The session it refreshes.
    #[sea_orm(
        belongs_to = "super::sessions::Entity",
        from = "Column::SessionId",
        to = "super::sessions::Column::Id"
    )]
    Session,
}

impl ActiveModelBehavior for ActiveModel {}
