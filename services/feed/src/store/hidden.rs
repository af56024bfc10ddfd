//! Whom a viewer must not count (VIS-8): the profiles the visibility rule hides, and whom it shows of those who are guarded
//! ([`guard`](super::guard)).
//!
//! Likes are counted by those the viewer knows. Comments stand under others, which hide them too: of things with few they
//! are looked for among those who wrote them, of crowded ones among all who can be hidden.

use identity::Viewer;
use sea_orm::Value;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, PostgresQueryBuilder, Query};
use store::visibility::{self, Columns, Projections};

use super::may_see;

/// The author is the profile of the row itself. The rule's own aliases are single letters, which this must not be.
const PROFILE: Columns = Columns::author("person.profile_id", "person.account_id");

/// The same of a guarded profile.
const GUARDED: Columns = Columns::author("r.profile_id", "r.account_id");

/// Accounts blocked either way. `{account}` is the viewer's.
const SHUT: &str = "select b.blocked_account as account_id from block_ref b where b.blocker_account = {account} and b.removed_at is null
    union all select b.blocker_account from block_ref b where b.blocked_account = {account} and b.removed_at is null";

/// Guarded profiles the viewer knows, of which the rule decides: own ones, and connected ones.
const KNOWN: &str = "select p.profile_id from profile_ref p where p.account_id = {account} and p.is_guarded
    union select c.profile_b from connection_ref c where c.profile_a = {me} and c.removed_at is null
    union select c.profile_a from connection_ref c where c.profile_b = {me} and c.removed_at is null";

/// Common tables of a statement whose parameters these are: `shut`, the accounts blocked either way, and `seen`, the guarded
/// profiles the viewer may see. They are read when something asks for them.
pub(super) fn circle(me: &str, account: &str) -> String {
    let in_place = |sql: &str| sql.replace("{me}", me).replace("{account}", account);
    let (shut, known) = (in_place(SHUT), in_place(KNOWN));
    let may_see = visibility::visible_to(Projections::WithGroups, &GUARDED, me, account);
    format!(
        "shut as materialized ({shut}),
         seen as materialized (select r.profile_id from ({known}) known cross join lateral (
             select g.profile_id, g.account_id from profile_ref g where g.profile_id = known.profile_id and g.is_guarded offset 0) r
           where {may_see})"
    )
}

/// Profiles that may be hidden from this viewer: guarded, or of a blocked account. The rule decides. They are looked for
/// among those who are `involved`; only a crowd is longer than the list of all.
const CANDIDATES: &str = "select person.profile_id, person.account_id from involved i
    cross join lateral (select r.profile_id, r.account_id from profile_ref r where r.profile_id = i.profile_id
      and (r.is_guarded or r.account_id in ({shut})) offset 0) person
  union select r.profile_id, r.account_id from profile_ref r
    where r.is_guarded and (select bool_or(is_crowded) from page)
  union select r.profile_id, r.account_id from profile_ref r
    where r.account_id in ({shut}) and (select bool_or(is_crowded) from page)";

/// The candidates the rule can still admit: own profiles, and connected ones. It need not be asked about the others.
const EXCEPTIONS: &str = "((person.account_id = $1 or person.profile_id in (
  select c.profile_b from connection_ref c where c.profile_a = $2 and c.removed_at is null
  union all select c.profile_a from connection_ref c where c.profile_b = $2 and c.removed_at is null)) is true)";

/// Things that have more comments are crowded.
pub(super) const CROWD: u32 = 200;

/// Says before a count whether there is anybody who must not be counted at all.
pub(super) const NOBODY: &str = "not (select exists (select from hidden))";

/// Says whether among the `profile_id`s that `involved` selects there may be somebody who must not be counted: a candidate
/// of the above. The statement has the common table `shut` ([`circle`]).
pub(super) fn perhaps(involved: &str) -> String {
    format!(
        "exists (select from ({involved}) involved where (
           select r.is_guarded or r.account_id in (select shut.account_id from shut)
           from profile_ref r where r.profile_id = involved.profile_id))"
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
    /// wrote comments on things that are not; `counts` what is asked for.
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
