//! Account settings in the database.

use contracts::Word;
use entity::auth::account_settings::{ActiveModel, Column, Entity, Model};
use fault::{Fault, Reason, Result};
use sea_orm::sea_query::{LockType, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect,
};
use uuid::Uuid;

use super::corrupt;
use crate::domain::settings::Settings;

/// Makes the account's settings with the defaults of SET-1, which are the columns' own, unless there are some.
pub(crate) async fn ensure(db: &impl ConnectionTrait, account_id: Uuid) -> Result<()> {
    let row = ActiveModel {
        account_id: Set(account_id),
        ..Default::default()
    };
    Entity::insert(row)
        .on_conflict(
            OnConflict::column(Column::AccountId)
                .do_nothing()
                .to_owned(),
        )
        .exec_without_returning(db)
        .await
        .map_err(store::fault)?;
    Ok(())
}

/// Returns the account's settings.
pub(crate) async fn find(db: &impl ConnectionTrait, account_id: Uuid) -> Result<Option<Settings>> {
    let row = Entity::find_by_id(account_id)
        .one(db)
        .await
        .map_err(store::fault)?;
    row.map(settings).transpose()
}

/// Returns the account's settings and keeps others from changing them until the transaction ends.
pub(crate) async fn lock(db: &impl ConnectionTrait, account_id: Uuid) -> Result<Option<Settings>> {
    let row = Entity::find()
        .filter(Column::AccountId.eq(account_id))
        .lock(LockType::NoKeyUpdate)
        .one(db)
        .await
        .map_err(store::fault)?;
    row.map(settings).transpose()
}

/// Stores changed settings as the version after the one they were read in (CQ-2); returns them as stored.
///
/// # Errors
/// `PRECONDITION_FAILED` when another version is there by now.
pub(crate) async fn update(
    db: &impl ConnectionTrait,
    account_id: Uuid,
    changed: &Settings,
) -> Result<Settings> {
    let row = ActiveModel {
        account_id: Set(account_id),
        private_account: Set(changed.private_account),
        show_activity_status: Set(changed.show_activity_status),
        allow_messages: Set(word(changed.allow_messages)?),
        contact_visibility: Set(word(changed.contact_visibility)?),
        theme: Set(word(changed.theme)?),
        language: Set(word(changed.language)?),
        timezone: Set(changed.timezone.clone()),
        date_format: Set(changed.date_format.clone()),
        version: Set(changed.version + 1),
        ..Default::default()
    };
    let statement = Entity::update(row)
        .validate()
        .map_err(store::fault)?
        .filter(Column::Version.eq(changed.version));
    match statement.exec(db).await {
        Ok(row) => settings(row),
        Err(DbErr::RecordNotUpdated) => Err(Fault::of(Reason::PreconditionFailed)),
        Err(error) => Err(store::fault(error)),
    }
}

fn word<E: Word>(value: E) -> Result<String> {
    value
        .word()
        .map(str::to_owned)
        .ok_or_else(|| Fault::internal("a setting has no word"))
}

fn read<E: Word>(word: &str) -> Result<E> {
    E::from_word(word).ok_or_else(|| corrupt("a setting has an unknown word"))
}

fn settings(row: Model) -> Result<Settings> {
    Ok(Settings {
        private_account: row.private_account,
        show_activity_status: row.show_activity_status,
        allow_messages: read(&row.allow_messages)?,
        contact_visibility: read(&row.contact_visibility)?,
        theme: read(&row.theme)?,
        language: read(&row.language)?,
        timezone: row.timezone,
        date_format: row.date_format,
        updated_at: row.updated_at,
        version: row.version,
    })
}
