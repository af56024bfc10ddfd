//! Whom a viewer must not count (VIS-8): the profiles the visibility rule hides, found from the few rows that can hide
//! somebody, so that counting does not read every like of a viral post.

use identity::Viewer;
use sea_orm::Value;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, PostgresQueryBuilder, Query};
use store::visibility::Columns;

use super::may_see;

/// The author is the profile of the row itself.
const PROFILE: Columns = Columns::author("p.profile_id", "p.account_id");

/// Profiles that may be hidden from this viewer: not public, suspended, or blocked either way. The rule decides.
const CANDIDATES: &str = "p.profile_id in (
  select c.profile_id from profile_ref c where c.visibility <> 'public' and c.state = 'live'
  union select c.profile_id from profile_ref c where c.account_id in (
    select s.account_id from account_ref s where s.state = 'suspended'
    union all select b.blocked_account from block_ref b where b.blocker_account = $1 and b.removed_at is null
    union all select b.blocker_account from block_ref b where b.blocked_account = $1 and b.removed_at is null))";

/// SQL that begins with the common table `hidden(profile_id)`, and the values of its parameters.
#[derive(Debug)]
pub(super) struct Statement {
    sql: String,
    values: Vec<Value>,
}

impl Statement {
    /// The common table for this viewer.
    pub(super) fn of(viewer: &Viewer) -> Self {
        let (sql, values) = Query::select()
            .expr(Expr::cust("p.profile_id"))
            .from_as(Alias::new("profile_ref"), Alias::new("p"))
            .and_where(Expr::cust_with_values(
                CANDIDATES,
                [Value::from(viewer.account_id)],
            ))
            .and_where(may_see(&PROFILE, viewer).not())
            .build(PostgresQueryBuilder);
        Self {
            sql: format!("with hidden as materialized ({sql}) "),
            values: values.0,
        }
    }

    /// Takes a value and returns the text that stands for it.
    pub(super) fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    /// The whole, with the rest of the SQL.
    pub(super) fn then(self, rest: &str) -> (String, Vec<Value>) {
        (self.sql + rest, self.values)
    }
}
