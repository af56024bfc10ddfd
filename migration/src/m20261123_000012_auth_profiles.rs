//! The projection of accounts' profiles that sign-in replies list.

use crate::ddl::rls;
use crate::sql::Migration;

pub(crate) fn migration() -> Migration {
    Migration::new("m20261123_000012_auth_profiles", up, down)
}

fn up() -> String {
    let table = "create table account.account_profiles (
           profile_id uuid primary key,
           account_id uuid not null,
           display_name text not null,
           profile_type text not null check (profile_type in ('innovator', 'mentor', 'investor', 'academic_student',
             'academic_institution', 'organization', 'professional', 'industry_expert')),
           avatar_url text,
           bio text,
           status text not null check (status in ('draft', 'complete', 'deleted')),
           is_primary boolean not null,
           completion integer not null check (completion between 0 and 100),
           version integer not null
         );
         create index account_profiles_account on account.account_profiles (account_id);\n";
    [
        table.to_owned(),
        rls("account", "account_profiles", "sf_auth", None),
    ]
    .concat()
}

fn down() -> String {
    "drop table account.account_profiles;".to_owned()
}
