//! Mail that is still to be handed to the SMTP server (AU-17).

use sea_orm::entity::prelude::*;

/// One row of `mail_queue`; it vanishes on delivery or expiry.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mail_queue")]
pub struct Model {
    /// Its own key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The recipient's address, encrypted.
    #[sea_orm(column_type = "VarBinary(StringLen::None)")]
    pub to_enc: Vec<u8>,
    /// Which mail it is.
    #[sea_orm(column_type = "Text")]
    pub template: String,
    /// What the template is filled with, encrypted.
    #[sea_orm(column_type = "VarBinary(StringLen::None)")]
    pub params_enc: Vec<u8>,
    /// How often it was tried.
    pub tries: i32,
    /// When it is tried next.
    pub next_try_at: TimeDateTimeWithTimeZone,
    /// When it is of no use any more.
    pub expires_at: TimeDateTimeWithTimeZone,
}

/// Links to other tables of the schema.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
