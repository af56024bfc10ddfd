//! Who did what to accounts and sessions (AU-14); rows are only added.

use sea_orm::entity::prelude::*;

/// One row of `audit_log`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_log")]
pub struct Model {
    /// Its own key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// When it happened.
    pub at: TimeDateTimeWithTimeZone,
    /// What happened.
    #[sea_orm(column_type = "Text")]
    pub action: String,
    /// The account it happened to.
    pub account_id: Option<Uuid>,
    /// Keyed hash of the address it happened to.
    #[sea_orm(column_type = "VarBinary(StringLen::None)", nullable)]
    pub email_hash: Option<Vec<u8>>,
    /// The session it happened in or to.
    pub session_id: Option<Uuid>,
    /// The caller's address; read with its mask (`192.0.2.7/32`).
    #[sea_orm(
        column_type = "custom(\"inet\")",
        select_as = "text",
        save_as = "inet",
        nullable
    )]
    pub ip: Option<String>,
    /// The `User-Agent` header, cut to 255 characters.
    #[sea_orm(column_type = "String(StringLen::N(255))", nullable)]
    pub user_agent: Option<String>,
    /// How it ended.
    #[sea_orm(column_type = "Text")]
    pub outcome: String,
    /// The request id and what else is worth knowing.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub detail: Option<Json>,
}

/// Links to other tables of the schema.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
