//! The only place that sees SeaORM: queries named by intent, rows turned into the types of the domain.
//!
//! Every query a viewer's request makes starts from one of the visibility-scoped finders ([`post::visible`],
//! [`comment::visible`], [`feed::page`], [`stream::news`]); counters are touched by [`stats`] alone, last in their transaction (D14).

pub(crate) mod comment;
pub(crate) mod engagement;
pub(crate) mod feed;
pub(crate) mod glance;
pub(crate) mod group;
pub(crate) mod guard;
pub(crate) mod hidden;
pub(crate) mod like;
pub(crate) mod people;
pub(crate) mod post;
pub(crate) mod recount;
pub(crate) mod removal;
pub(crate) mod slug;
pub(crate) mod stats;
pub(crate) mod stream;
pub(crate) mod thread;
pub(crate) mod views;

use fault::Result;
use identity::Viewer;
use sea_orm::sea_query::SimpleExpr;
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, TryGetable, Value};
use store::visibility::{self, Columns, Projections};

/// The rule of VIS-1 over an author and a thing of this schema.
fn may_see(columns: &Columns, viewer: &Viewer) -> SimpleExpr {
    visibility::visible(Projections::WithGroups, columns, viewer)
}

fn statement(sql: impl Into<String>, values: Vec<Value>) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}

async fn rows(
    on: &impl ConnectionTrait,
    sql: impl Into<String>,
    values: Vec<Value>,
) -> Result<Vec<QueryResult>> {
    on.query_all_raw(statement(sql, values))
        .await
        .map_err(store::fault)
}

async fn row(
    on: &impl ConnectionTrait,
    sql: impl Into<String>,
    values: Vec<Value>,
) -> Result<Option<QueryResult>> {
    on.query_one_raw(statement(sql, values))
        .await
        .map_err(store::fault)
}

async fn run(on: &impl ConnectionTrait, sql: impl Into<String>, values: Vec<Value>) -> Result<u64> {
    let done = on
        .execute_raw(statement(sql, values))
        .await
        .map_err(store::fault)?;
    Ok(done.rows_affected())
}

/// One column of a row.
fn column<T: TryGetable>(row: &QueryResult, name: &str) -> Result<T> {
    named(row, "", name)
}

/// One column of a row in which several tables' columns are told apart by what stands before their names.
fn named<T: TryGetable>(row: &QueryResult, prefix: &str, name: &str) -> Result<T> {
    row.try_get(prefix, name).map_err(store::fault)
}

/// One column of every row.
fn all<T: TryGetable>(rows: &[QueryResult], name: &str) -> Result<Vec<T>> {
    rows.iter().map(|row| column(row, name)).collect()
}
