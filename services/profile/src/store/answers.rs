//! Answers, one row each, word for word.

use std::collections::{HashMap, HashSet};

use entity::profile::profile_metadata::{ActiveModel, Column, Entity};
use fault::{Fault, Result};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, Order, QueryFilter, QueryOrder,
};
use store::fault;
use uuid::Uuid;

use crate::domain::Answers;
use crate::domain::answers::{Answer, Class, stored};

/// Returns the answers of these profiles, in the order they were given.
pub(crate) async fn of(
    db: &impl ConnectionTrait,
    profiles: &[Uuid],
) -> Result<HashMap<Uuid, Answers>> {
    // Ids rise with time, and within one request with the order of its keys.
    let rows = Entity::find()
        .filter(Column::ProfileId.is_in(profiles.to_vec()))
        .order_by(Column::Id, Order::Asc);
    let mut found: HashMap<Uuid, Vec<(String, Answer)>> = HashMap::new();
    for row in rows.all(db).await.map_err(fault)? {
        let answer = stored(&row.key, &row.value)
            .map_err(|refusal| Fault::internal(format!("a stored answer {}", refusal.message)))?;
        found
            .entry(row.profile_id)
            .or_default()
            .push((row.key, answer));
    }
    Ok(found
        .into_iter()
        .map(|(id, answers)| (id, answers.into_iter().collect()))
        .collect())
}

/// Brings the stored answers of a profile from one state to another.
pub(crate) async fn replace(
    tx: &DatabaseTransaction,
    profile: Uuid,
    before: &Answers,
    after: &Answers,
) -> Result<()> {
    let kept: HashSet<_> = after.iter().map(|(key, _)| key).collect();
    let gone: Vec<_> = before
        .iter()
        .map(|(key, _)| key)
        .filter(|key| !kept.contains(key))
        .collect();
    if !gone.is_empty() {
        let delete = Entity::delete_many()
            .filter(Column::ProfileId.eq(profile))
            .filter(Column::Key.is_in(gone));
        delete.exec(tx).await.map_err(fault)?;
    }
    let changed = after
        .iter()
        .filter(|(key, answer)| before.get(key) != Some(answer));
    let rows: Vec<_> = changed
        .map(|(key, answer)| row(profile, key, answer))
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    let known = OnConflict::columns([Column::ProfileId, Column::Key])
        .update_columns([Column::Value, Column::Class])
        .value(Column::Version, Expr::cust("profile_metadata.version + 1"))
        .to_owned();
    Entity::insert_many(rows)
        .on_conflict(known)
        .exec_without_returning(tx)
        .await
        .map_err(fault)
        .map(drop)
}

fn row(profile: Uuid, key: &str, answer: &Answer) -> ActiveModel {
    let class = match Class::of(key) {
        Class::Public => "public",
        Class::Contact => "contact",
        Class::Owner => "owner",
    };
    ActiveModel {
        id: Set(Uuid::now_v7()),
        profile_id: Set(profile),
        key: Set(key.to_owned()),
        value: Set(answer.json.clone()),
        class: Set(class.to_owned()),
        ..Default::default()
    }
}
