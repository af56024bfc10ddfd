//! Profiles, what only some see of them, their answers and their counters.
//!
//! What clients with a user's token may read comes with the directory; until then nothing.

use crate::ddl;
use crate::sql::Migration;

pub(crate) fn migration() -> Migration {
    Migration::new("m20261123_000020_profile_tables", up, down)
}

/// The tables, children last.
const TABLES: [&str; 4] = [
    "profiles",
    "profile_private",
    "profile_metadata",
    "profile_stats",
];

fn up() -> String {
    let mut sql = types() + &profiles() + &children();
    for table in TABLES {
        sql += &ddl::rls("profile", table, "sf_profile", None);
    }
    sql
}

fn types() -> String {
    "create type profile.profile_type as enum ('innovator', 'mentor', 'investor', 'academic_student',
       'academic_institution', 'organization', 'professional', 'industry_expert');
     create type profile.profile_status as enum ('draft', 'complete');
     create type profile.profile_visibility as enum ('public', 'connections', 'private');\n"
        .to_owned()
}

/// `version` rises with content; what a profile takes from its account moves only `updated_at`.
fn profiles() -> String {
    let std = ddl::std();
    let touch = ddl::touch("profile", "profiles");
    format!(
        "create table profile.profiles (
           {std},
           user_account_id uuid not null,
           profile_type profile.profile_type not null,
           display_name varchar(255) not null check (display_name <> ''),
           username varchar(100) check (username ~ '^[a-z0-9._]{{3,100}}$'),
           bio text,
           avatar_url text,
           cover_image_url text,
           location varchar(255),
           website varchar(255),
           headline varchar(255),
           role varchar(255),
           expertise text[] not null default '{{}}' check (cardinality(expertise) <= 10),
           tags text[] not null default '{{}}' check (cardinality(tags) <= 20),
           is_primary boolean not null default false,
           is_verified boolean not null default false,
           is_featured boolean not null default false,
           is_placeholder boolean not null default false,
           status profile.profile_status not null,
           visibility profile.profile_visibility not null default 'public',
           effective_visibility profile.profile_visibility not null check (effective_visibility >= visibility),
           account_state text not null default 'live' check (account_state in ('live', 'suspended', 'deleted')),
           completion_percentage integer not null default 20 check (completion_percentage between 0 and 100),
           final_hash bytea,
           final_at timestamptz,
           deleted_at timestamptz,
           check (deleted_at is null or not is_primary),
           check (not is_placeholder or status = 'complete')
         );
         create unique index profiles_primary on profile.profiles (user_account_id) where is_primary and deleted_at is null;
         create unique index profiles_username on profile.profiles (lower(username)) where deleted_at is null;
         create unique index profiles_draft on profile.profiles (user_account_id, profile_type)
           where status = 'draft' and deleted_at is null;
         create index profiles_account on profile.profiles (user_account_id);
         {touch}"
    )
}

/// The settings of the account stand on every profile's private row, with the versions that keep late events harmless.
fn children() -> String {
    let std = ddl::std();
    let touch = ddl::touch("profile", "profile_metadata");
    format!(
        "create table profile.profile_private (
           profile_id uuid primary key references profile.profiles on delete cascade,
           phone varchar(50),
           draft_data json,
           contact_visibility text not null default 'owner' check (contact_visibility in ('owner', 'connections')),
           private_account boolean not null default false,
           settings_version integer not null default 0,
           account_version integer not null default 0
         );
         create table profile.profile_metadata (
           {std},
           profile_id uuid not null references profile.profiles on delete cascade,
           key varchar(100) not null,
           value json not null,
           class text not null check (class in ('public', 'contact', 'owner')),
           constraint profile_metadata_key unique (profile_id, key)
         );
         {touch}
         create table profile.profile_stats (
           profile_id uuid primary key references profile.profiles on delete cascade,
           views integer not null default 0 check (views >= 0),
           posts integer not null default 0 check (posts >= 0),
           connections integer not null default 0 check (connections >= 0)
         );\n"
    )
}

fn down() -> String {
    let tables: Vec<_> = TABLES
        .iter()
        .rev()
        .map(|table| format!("profile.{table}"))
        .collect();
    format!(
        "drop table {};
         drop type profile.profile_visibility, profile.profile_status, profile.profile_type;",
        tables.join(", ")
    )
}
