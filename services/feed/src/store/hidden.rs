//! Whom a viewer must not count (VIS-8): the profiles the visibility rule hides, found from the few rows that can hide
//! somebody, so that counting does not read every like of a viral post.

use identity::Viewer;
use sea_orm::Value;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, PostgresQueryBuilder, Query};
use store::visibility::Columns;

use super::may_see;

/// The author is the profile of the row itself. The rule's own aliases are single letters, which this must not be.
const PROFILE: Columns = Columns::author("person.profile_id", "person.account_id");

/// Profiles that may be hidden from this viewer: not public, suspended, or blocked either way. The rule decides.
const CANDIDATES: &str = "person.profile_id in (
  select c.profile_id from profile_ref c where c.visibility <> 'public' and c.state = 'live'
  union select c.profile_id from profile_ref c where c.account_id in (
    select s.account_id from account_ref s where s.state = 'suspended'
    union all select b.blocked_account from block_ref b where b.blocker_account = $1 and b.removed_at is null
    union all select b.blocker_account from block_ref b where b.blocked_account = $1 and b.removed_at is null))";

/// The candidates the rule can still admit: own profiles, and connected ones. It need not be asked about the others.
const EXCEPTIONS: &str = "((person.account_id = $1 or person.profile_id in (
  select c.profile_b from connection_ref c where c.profile_a = $2 and c.removed_at is null
  union all select c.profile_a from connection_ref c where c.profile_b = $2 and c.removed_at is null)) is true)";

/// SQL that begins with the common table `hidden(profile_id)`, and the values of its parameters.
#[derive(Debug)]
pub(super) struct Statement {
    sql: String,
    values: Vec<Value>,
}

impl Statement {
    /// The common table for this viewer.
    pub(super) fn of(viewer: &Viewer) -> Self {
        let exception = Expr::cust_with_values(
            EXCEPTIONS,
            [
                Value::from(viewer.account_id),
                Value::from(viewer.profile_id),
            ],
        );
        let (sql, values) = Query::select()
            .expr(Expr::cust("person.profile_id"))
            .from_as(Alias::new("profile_ref"), Alias::new("person"))
            .and_where(Expr::cust_with_values(
                CANDIDATES,
                [Value::from(viewer.account_id)],
            ))
            .and_where(exception.and(may_see(&PROFILE, viewer)).not())
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
