//! What profiles carry of their accounts, as the nightly comparison sees it (PJ-5).

use events::projections::{Comparison, Kept};
use fault::Result;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, QueryResult, Statement};
use store::fault;
use uuid::Uuid;

/// What the profiles of one account carry of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Copy {
    /// The states of all of them.
    pub(crate) states: Vec<String>,
    /// The states of the live ones.
    pub(crate) live_states: Vec<String>,
    /// The newest version of those.
    pub(crate) version: i32,
    /// Whether the live ones are only for connections.
    pub(crate) private: Vec<bool>,
    /// Who sees the contact data of the live ones.
    pub(crate) contact: Vec<String>,
    /// The newest version of the settings.
    pub(crate) settings_version: i32,
}

const COPIES: &str = "select p.user_account_id as id, array_agg(distinct p.account_state) as states,
      coalesce(array_agg(distinct p.account_state) filter (where p.deleted_at is null), '{}') as live_states,
      coalesce(max(v.account_version), 0) as version,
      coalesce(array_agg(distinct v.private_account) filter (where p.deleted_at is null), '{}') as private,
      coalesce(array_agg(distinct v.contact_visibility) filter (where p.deleted_at is null), '{}') as contact,
      coalesce(max(v.settings_version), 0) as settings_version
    from profiles p left join profile_private v on v.profile_id = p.id";

/// A page of what is carried, by account.
pub(crate) async fn page(at: &Comparison, after: Uuid) -> Result<Kept<Copy>> {
    let page = format!("{COPIES} where p.user_account_id > $1 group by 1 order by 1 limit $2");
    at.kept(&page, after, read).await
}

/// What the profiles of an account carry, if it has any.
pub(crate) async fn of(tx: &DatabaseTransaction, account: Uuid) -> Result<Option<Copy>> {
    let one = format!("{COPIES} where p.user_account_id = $1 group by 1");
    let one = Statement::from_sql_and_values(tx.get_database_backend(), one, [account.into()]);
    let row = tx.query_one_raw(one).await.map_err(fault)?;
    row.map(|row| read(&row)).transpose().map_err(fault)
}

/// Takes the versions back, so that what the owner says counts again.
pub(crate) async fn forget_versions(tx: &DatabaseTransaction, account: Uuid) -> Result<()> {
    let sql = "update profile_private set account_version = 0, settings_version = 0
        where profile_id in (select id from profiles where user_account_id = $1)";
    let forget = Statement::from_sql_and_values(tx.get_database_backend(), sql, [account.into()]);
    tx.execute_raw(forget).await.map_err(fault).map(drop)
}

fn read(row: &QueryResult) -> std::result::Result<Copy, DbErr> {
    Ok(Copy {
        states: row.try_get("", "states")?,
        live_states: row.try_get("", "live_states")?,
        version: row.try_get("", "version")?,
        private: row.try_get("", "private")?,
        contact: row.try_get("", "contact")?,
        settings_version: row.try_get("", "settings_version")?,
    })
}
