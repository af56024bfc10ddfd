//! Who may see what: the one template of VIS-1..VIS-4, as SQL function and as predicate (VIS-11).
//!
//! The rule over a thing's author, visibility and targets; that the thing itself is live (published, not deleted, not
//! hidden) is the query's own condition, since it depends on the table. Of the author:
//!
//! - an account without `account_ref` is live: rows come only with a suspension or deletion;
//! - a profile without `profile_ref` (its event is late) is seen by its own account alone. Whoever lists first
//!   fetches what is missing from the profile service (PJ-3), so that this shows for no longer than one call.
//!
//! The owner's account skips the author's and the thing's visibility, not deletion, suspension and blocks.

use std::fmt::Write as _;

use identity::Viewer;
use sea_orm::sea_query::{Expr, SimpleExpr};

/// Which projections a schema has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Projections {
    /// The five of PJ-1; things of groups are seen by their owner alone.
    Five,
    /// The five, `group_ref` and `group_member_ref`.
    WithGroups,
}

/// Where a query finds what the rule is about: SQL fragments, such as `post.profile_id`. Constants of the code, never input.
#[derive(Debug, Clone, Copy)]
pub struct Columns {
    /// The author's profile, `uuid`.
    pub author_profile: &'static str,
    /// The author's account, `uuid`.
    pub author_account: &'static str,
    /// `public`, `connections`, `targeted`, `private` or `group`, `text`.
    pub visibility: &'static str,
    /// Types a targeted thing is for, `text[]`.
    pub target_types: &'static str,
    /// Tags a targeted thing is for, `text[]`.
    pub target_tags: &'static str,
    /// The group of a group's thing, `uuid`.
    pub group_id: &'static str,
}

/// For things that have no visibility of their own and share their author's: comments, likes, shares.
impl Columns {
    /// Takes the author's columns; the thing counts as public.
    #[must_use]
    pub const fn author(author_profile: &'static str, author_account: &'static str) -> Self {
        Self {
            author_profile,
            author_account,
            visibility: "'public'",
            target_types: "'{}'::text[]",
            target_tags: "'{}'::text[]",
            group_id: "null::uuid",
        }
    }
}

/// Returns the condition "this viewer may see the row" for a list query, with the viewer as bound parameters. It
/// equals the function [`can_see`](function) row by row and is far cheaper: what depends on the viewer only is
/// looked up once per statement.
#[must_use]
pub fn visible(projections: Projections, columns: &Columns, viewer: &Viewer) -> SimpleExpr {
    let sql = rule(projections, columns, "$1", "$2");
    Expr::cust_with_values(
        sql,
        [
            sea_orm::Value::from(viewer.profile_id),
            sea_orm::Value::from(viewer.account_id),
        ],
    )
}

/// Returns the condition "the viewer's account has not muted this profile" (VIS-7), for feeds and suggestions.
#[must_use]
pub fn not_muted(author_profile: &'static str, viewer: &Viewer) -> SimpleExpr {
    let sql = format!(
        "{author_profile} not in (select vis_mute.muted_profile_id from mute_ref vis_mute where vis_mute.account_id = $1 and vis_mute.removed_at is null)"
    );
    Expr::cust_with_values(sql, [sea_orm::Value::from(viewer.account_id)])
}

/// Returns the SQL that makes `<schema>.can_see(viewer_profile, viewer_account, author_profile, author_account,
/// visibility, target_types, target_tags, group_id)`: SECURITY DEFINER with a fixed search path, so that policies may
/// use it where the reader has no right to the projections.
#[must_use]
pub fn function(schema: &str, service_role: &str, projections: Projections) -> String {
    // Positions, since a parameter's name could also be a column's.
    let columns = Columns {
        author_profile: "$3",
        author_account: "$4",
        visibility: "$5",
        target_types: "$6",
        target_tags: "$7",
        group_id: "$8",
    };
    let rule = rule(projections, &columns, "$1", "$2");
    let mut sql = String::new();
    // Writing to a String cannot fail.
    let _written = write!(
        sql,
        "create function {schema}.can_see(viewer_profile uuid, viewer_account uuid, author_profile uuid, author_account uuid,
           visibility text, target_types text[], target_tags text[], group_id uuid)
         returns boolean language sql stable security definer set search_path = {schema}, pg_temp
         as $$ select coalesce({rule}, false) $$;
         revoke all on function {schema}.can_see(uuid, uuid, uuid, uuid, text, text[], text[], uuid) from public;
         grant execute on function {schema}.can_see(uuid, uuid, uuid, uuid, text, text[], text[], uuid) to {service_role};\n"
    );
    sql
}

/// Takes [`function`] back.
#[must_use]
pub fn drop_function(schema: &str) -> String {
    format!("drop function {schema}.can_see(uuid, uuid, uuid, uuid, text, text[], text[], uuid);\n")
}

/// The template. `viewer` and `account` are the viewer's profile and account, null for nobody. Its aliases begin with
/// `vis_`, so that none captures an alias in the caller's columns.
///
/// Subqueries that name nothing of the row are run once per statement and hashed. The author's `profile_ref` and
/// the group are looked up per row by their keys: written as EXISTS, the planner would hash the whole table, which grows
/// with the community, for a page of twenty.
fn rule(projections: Projections, columns: &Columns, viewer: &str, account: &str) -> String {
    let Columns {
        author_profile,
        author_account,
        visibility,
        target_types,
        target_tags,
        group_id,
    } = *columns;
    let connected = format!(
        "(select vis_link.profile_b from connection_ref vis_link where vis_link.profile_a = {viewer} and vis_link.removed_at is null
          union all select vis_link.profile_a from connection_ref vis_link where vis_link.profile_b = {viewer} and vis_link.removed_at is null)"
    );
    let group = match projections {
        Projections::Five => "false".to_owned(),
        Projections::WithGroups => format!(
            "coalesce((select vis_group.removed_at is null and (vis_group.visibility = 'public'
               or vis_group.group_id in (select vis_member.group_id from group_member_ref vis_member where vis_member.profile_id = {viewer} and vis_member.removed_at is null))
               from group_ref vis_group where vis_group.group_id = {group_id}), false)"
        ),
    };
    let admitted = admitted(author_account, account);
    format!(
        "({admitted}
          and (case when {author_account} = {account}
            then coalesce((select vis_author.state = 'live' from profile_ref vis_author where vis_author.profile_id = {author_profile}), true)
            else coalesce((select vis_author.state = 'live' and (vis_author.visibility = 'public' or (vis_author.visibility = 'connections' and vis_author.profile_id in {connected}))
                from profile_ref vis_author where vis_author.profile_id = {author_profile}), false)
              and case {visibility}
                when 'public' then true
                when 'connections' then {author_profile} in {connected}
                when 'targeted' then {viewer} is not null
                  and (cardinality({target_types}) = 0
                    or (select vis_viewer.profile_type from profile_ref vis_viewer where vis_viewer.profile_id = {viewer}) = any ({target_types}))
                  and (cardinality({target_tags}) = 0
                    or (select vis_viewer.tags from profile_ref vis_viewer where vis_viewer.profile_id = {viewer}) && {target_tags})
                when 'group' then {group}
                else false end
            end))"
    )
}

/// What no visibility overrules: the author's account is live, and neither has blocked the other.
fn admitted(author_account: &str, account: &str) -> String {
    format!(
        "not exists (select 1 from account_ref vis_owner where vis_owner.account_id = {author_account} and vis_owner.state <> 'live')
          and {author_account} not in (select vis_block.blocked_account from block_ref vis_block where vis_block.blocker_account = {account} and vis_block.removed_at is null
            union all select vis_block.blocker_account from block_ref vis_block where vis_block.blocked_account = {account} and vis_block.removed_at is null)"
    )
}
