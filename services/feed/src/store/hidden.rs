//! Whose comments a viewer must not count (VIS-8). They stand under others, which hide them too, so that they cannot be
//! counted as likes are ([`guard`](super::guard)): of things with few comments the hidden are looked for among those who
//! wrote them, of crowded ones among all who can be hidden.

use super::guard;

/// Profiles that may be hidden from the viewer: guarded, or of a blocked account. They are looked for among those who are
/// `involved`; only a crowd is longer than the list of all.
const CANDIDATES: &str = "select person.profile_id from involved i
    cross join lateral (select r.profile_id from profile_ref r where r.profile_id = i.profile_id
      and (r.is_guarded or r.account_id in (select shut.account_id from shut)) offset 0) person
  union select r.profile_id from profile_ref r
    where r.is_guarded and (select bool_or(is_crowded) from page)
  union select r.profile_id from shut join profile_ref r on r.account_id = shut.account_id
    where (select bool_or(is_crowded) from page)";

/// Things that have more comments are crowded.
pub(super) const CROWD: u32 = 200;

/// Says before a count whether there is anybody who must not be counted at all.
pub(super) const NOBODY: &str = "not (select exists (select from hidden))";

/// Says whether among the `profile_id`s that `involved` selects there may be somebody who must not be counted: a candidate
/// of the above. The statement has the common table `shut` ([`guard::circle`]).
pub(super) fn perhaps(involved: &str) -> String {
    format!(
        "exists (select from ({involved}) involved where (
           select r.is_guarded or r.account_id in (select shut.account_id from shut)
           from profile_ref r where r.profile_id = involved.profile_id))"
    )
}

/// SQL with the common table `hidden(profile_id)` for the viewer whose profile and account these are. `page` selects the
/// things, and of each whether it `is_crowded`; `involved` the `profile_id` of those who commented on things that are not;
/// `counts` what is asked for.
pub(super) fn statement(
    (me, account): (&str, &str),
    page: &str,
    involved: &str,
    counts: &str,
) -> String {
    let circle = guard::circle(me, account);
    format!(
        "with {circle}, page as materialized ({page}), involved as materialized ({involved}),
           hidden as materialized (select c.profile_id from ({CANDIDATES}) c
             where c.profile_id not in (select seen.profile_id from seen)) {counts}"
    )
}
