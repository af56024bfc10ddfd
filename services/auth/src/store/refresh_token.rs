//! The generations of refresh tokens; of their ids only SHA-256 is kept (C8).

use aws_lc_rs::digest;
use entity::auth::refresh_tokens::{ActiveModel, Column, Entity, Model};
use fault::Result;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::session::RefreshToken;

/// Adds a token to its session.
pub(crate) async fn insert(
    db: &impl ConnectionTrait,
    session_id: Uuid,
    parent_id: Option<Uuid>,
    jti: &str,
    token: &RefreshToken,
) -> Result<()> {
    let row = ActiveModel {
        id: Set(token.id),
        session_id: Set(session_id),
        jti_hash: Set(hash(jti)),
        parent_id: Set(parent_id),
        generation: Set(token.generation),
        issued_at: Set(token.issued_at),
        expires_at: Set(token.expires_at),
        first_used_at: Set(None),
    };
    Entity::insert(row)
        .exec_without_returning(db)
        .await
        .map_err(store::fault)?;
    Ok(())
}

/// Returns the session's token of that id.
pub(crate) async fn find(
    db: &impl ConnectionTrait,
    session_id: Uuid,
    jti: &str,
) -> Result<Option<RefreshToken>> {
    let row = Entity::find()
        .filter(Column::JtiHash.eq(hash(jti)))
        .filter(Column::SessionId.eq(session_id))
        .one(db)
        .await
        .map_err(store::fault)?;
    Ok(row.as_ref().map(token))
}

/// Returns the session's newest token.
pub(crate) async fn newest(
    db: &impl ConnectionTrait,
    session_id: Uuid,
) -> Result<Option<RefreshToken>> {
    let row = Entity::find()
        .filter(Column::SessionId.eq(session_id))
        .order_by_desc(Column::Generation)
        .one(db)
        .await
        .map_err(store::fault)?;
    Ok(row.as_ref().map(token))
}

/// Stamps a token that was presented for the first time.
pub(crate) async fn stamp(db: &impl ConnectionTrait, id: Uuid, now: OffsetDateTime) -> Result<()> {
    let row = ActiveModel {
        id: Set(id),
        first_used_at: Set(Some(now)),
        ..Default::default()
    };
    Entity::update(row)
        .exec_without_returning(db)
        .await
        .map_err(store::fault)?;
    Ok(())
}

fn hash(jti: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, jti.as_bytes())
        .as_ref()
        .to_vec()
}

fn token(row: &Model) -> RefreshToken {
    RefreshToken {
        id: row.id,
        generation: row.generation,
        issued_at: row.issued_at,
        expires_at: row.expires_at,
    }
}
