//! Copies of other services' facts, kept by their events (PJ-1).
//!
//! Rows of pairs are not deleted but marked `removed_at`: the version they keep is what makes a late, older event
//! harmless. The consumer's purge removes them once no event of theirs can come any more.

use super::rls;

/// Makes `connection_ref`, `block_ref` and `mute_ref`.
#[must_use]
pub fn connections(schema: &str, service_role: &str) -> String {
    let mut sql = format!(
        "create table {schema}.connection_ref (
           profile_a uuid not null,
           profile_b uuid not null,
           version integer not null,
           removed_at timestamptz,
           primary key (profile_a, profile_b),
           check (profile_a < profile_b)
         );
         create index connection_ref_b on {schema}.connection_ref (profile_b);
         create table {schema}.block_ref (
           blocker_account uuid not null,
           blocked_account uuid not null,
           version integer not null,
           removed_at timestamptz,
           primary key (blocker_account, blocked_account)
         );
         create index block_ref_blocked on {schema}.block_ref (blocked_account);
         create table {schema}.mute_ref (
           account_id uuid not null,
           muted_profile_id uuid not null,
           version integer not null,
           removed_at timestamptz,
           primary key (account_id, muted_profile_id)
         );\n"
    );
    for table in ["connection_ref", "block_ref", "mute_ref"] {
        sql += &rls(schema, table, service_role, None);
    }
    sql
}

/// Takes [`connections`] back.
#[must_use]
pub fn drop_connections(schema: &str) -> String {
    format!("drop table {schema}.connection_ref, {schema}.block_ref, {schema}.mute_ref;\n")
}

/// Makes all five projections of PJ-1.
#[must_use]
pub fn projections(schema: &str, service_role: &str) -> String {
    let mut sql = connections(schema, service_role);
    sql += &format!(
        "create table {schema}.profile_ref (
           profile_id uuid primary key,
           account_id uuid not null,
           display_name text not null,
           username text,
           avatar_url text,
           profile_type text not null check (profile_type in ('innovator', 'mentor', 'investor', 'academic_student',
             'academic_institution', 'organization', 'professional', 'industry_expert')),
           headline text,
           location text,
           tags text[] not null default '{{}}',
           is_verified boolean not null default false,
           visibility text not null check (visibility in ('public', 'connections', 'private')),
           state text not null check (state in ('live', 'deleted')),
           version integer not null
         );
         create index profile_ref_account on {schema}.profile_ref (account_id);
         create table {schema}.account_ref (
           account_id uuid primary key,
           state text not null check (state in ('live', 'suspended', 'deleted')),
           version integer not null
         );\n"
    );
    for table in ["profile_ref", "account_ref"] {
        sql += &rls(schema, table, service_role, None);
    }
    sql
}

/// Takes [`projections`] back.
#[must_use]
pub fn drop_projections(schema: &str) -> String {
    format!(
        "{}drop table {schema}.profile_ref, {schema}.account_ref;\n",
        drop_connections(schema)
    )
}

/// Makes `group_ref` and `group_member_ref`.
#[must_use]
pub fn groups(schema: &str, service_role: &str) -> String {
    let mut sql = format!(
        "create table {schema}.group_ref (
           group_id uuid primary key,
           name text not null,
           visibility text not null check (visibility in ('public', 'private')),
           version integer not null,
           removed_at timestamptz
         );
         create table {schema}.group_member_ref (
           group_id uuid not null,
           profile_id uuid not null,
           role text not null check (role in ('member', 'moderator', 'admin')),
           version integer not null,
           removed_at timestamptz,
           primary key (group_id, profile_id)
         );
         create index group_member_ref_profile on {schema}.group_member_ref (profile_id);\n"
    );
    for table in ["group_ref", "group_member_ref"] {
        sql += &rls(schema, table, service_role, None);
    }
    sql
}

/// Takes [`groups`] back.
#[must_use]
pub fn drop_groups(schema: &str) -> String {
    format!("drop table {schema}.group_ref, {schema}.group_member_ref;\n")
}
