//! Whom a viewer must not count (VIS-8): the profiles the visibility rule hides. Of things with few likes and comments they
//! are looked for among those who made them; of crowded ones among the few rows that can hide somebody, so that counting
//! does not read every like of a viral post. Either way what is read does not grow with the community.

use identity::Viewer;
use sea_orm::Value;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, PostgresQueryBuilder, Query};
use store::visibility::Columns;

use super::may_see;

/// The author is the profile of the row itself. The rule's own aliases are single letters, which this must not be.
const PROFILE: Columns = Columns::author("person.profile_id", "person.account_id");

/// Accounts whose profiles are hidden: suspended ones, and those blocked either way. `{account}` is the viewer's.
pub(super) const SHUT: &str = "select s.account_id from account_ref s where s.state = 'suspended'
    union all select b.blocked_account from block_ref b where b.blocker_account = {account} and b.removed_at is null
    union all select b.blocker_account from block_ref b where b.blocked_account = {account} and b.removed_at is null";

/// Profiles that may be hidden from this viewer: not public, or of such an account. The rule decides. They are looked for
/// among those who are `involved`; only a crowd is longer than the list of all.
const CANDIDATES: &str = "select person.profile_id, person.account_id from involved i
    cross join lateral (select r.profile_id, r.account_id from profile_ref r where r.profile_id = i.profile_id
      and (r.visibility <> 'public' and r.state = 'live' or r.account_id in ({shut})) offset 0) person
  union select r.profile_id, r.account_id from profile_ref r
    where r.visibility <> 'public' and r.state = 'live' and (select bool_or(is_crowded) from page)
  union select r.profile_id, r.account_id from profile_ref r
    where r.account_id in ({shut}) and (select bool_or(is_crowded) from page)";

/// The candidates the rule can still admit: own profiles, and connected ones. It need not be asked about the others.
const EXCEPTIONS: &str = "((person.account_id = $1 or person.profile_id in (
  select c.profile_b from connection_ref c where c.profile_a = $2 and c.removed_at is null
  union all select c.profile_a from connection_ref c where c.profile_b = $2 and c.removed_at is null)) is true)";

/// Things that have more likes, or more comments, are crowded.
pub(super) const CROWD: u32 = 200;

/// Says before a count whether there is anybody who must not be counted at all.
pub(super) const NOBODY: &str = "not (select exists (select from hidden))";

/// Says of each thing of a statement, whose likes and comments were made by the `profile_id`s that `involved` selects and
/// which is `crowded` or not, whether there may be somebody who must not be counted: a candidate of the above, or a
/// crowd, which is not looked through. The statement has the common table `shut` ([`SHUT`]).
pub(super) fn perhaps(crowded: &str, involved: &str) -> String {
    format!(
        "case when {crowded} then true else exists (select from ({involved}) involved where (
           select r.visibility <> 'public' and r.state = 'live' or r.account_id in (select shut.account_id from shut)
           from profile_ref r where r.profile_id = involved.profile_id)) end"
    )
}

/// SQL with the common table `hidden(profile_id)`, and the values of its parameters.
#[derive(Debug)]
pub(super) struct Statement {
    hidden: String,
    values: Vec<Value>,
    viewer: Viewer,
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
        let (hidden, values) = Query::select()
            .expr(Expr::cust("person.profile_id"))
            .from_as(Alias::new("candidate"), Alias::new("person"))
            .and_where(exception.and(may_see(&PROFILE, viewer)).not())
            .build(PostgresQueryBuilder);
        Self {
            hidden,
            values: values.0,
            viewer: *viewer,
        }
    }

    /// Takes a value and returns the text that stands for it.
    pub(super) fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    /// The whole: `page` selects the things, and of each whether it `is_crowded`; `involved` the `profile_id` of those who
    /// made likes and comments of things that are not; `counts` what is asked for.
    pub(super) fn then(mut self, page: &str, involved: &str, counts: &str) -> (String, Vec<Value>) {
        let account = self.bind(self.viewer.account_id);
        let shut = SHUT.replace("{account}", &account);
        let candidates = CANDIDATES.replace("{shut}", &shut);
        let hidden = &self.hidden;
        let sql = format!(
            "with page as materialized ({page}), involved as materialized ({involved}),
               candidate as materialized ({candidates}), hidden as materialized ({hidden}) {counts}"
        );
        (sql, self.values)
    }
}
