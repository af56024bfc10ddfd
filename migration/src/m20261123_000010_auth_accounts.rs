//! Accounts and their settings.

use crate::ddl::{rls, std, touch};
use crate::sql::Migration;

pub(crate) fn migration() -> Migration {
    Migration::new("m20261123_000010_auth_accounts", up, down)
}

fn up() -> String {
    let std = std();
    let accounts = format!(
        "create table account.user_accounts (
           {std},
           auth_user_id uuid constraint user_accounts_auth_user unique,
           email varchar(255) not null constraint user_accounts_email_normal check (email = lower(email)),
           email_verified boolean not null default false,
           role text not null default 'user' constraint user_accounts_role check (role in ('user', 'staff', 'admin')),
           is_active boolean not null default true,
           disabled_reason text,
           disabled_until timestamptz,
           first_login boolean not null default true,
           is_migrated boolean not null default false,
           migration_completed_at timestamptz,
           last_login_at timestamptz,
           initial_profile_id uuid not null,
           deletion_scheduled_for timestamptz,
           deleted_at timestamptz
         );
         create unique index user_accounts_email on account.user_accounts (lower(email)) where deleted_at is null;\n"
    );
    let settings = "create table account.account_settings (
           account_id uuid primary key references account.user_accounts on delete cascade,
           private_account boolean not null default false,
           show_activity_status boolean not null default true,
           allow_messages text not null default 'everyone' check (allow_messages in ('everyone', 'connections', 'none')),
           contact_visibility text not null default 'owner' check (contact_visibility in ('owner', 'connections')),
           theme text not null default 'system' check (theme in ('light', 'dark', 'system')),
           language text not null default 'en' check (language in ('en', 'es', 'fr', 'de')),
           timezone text not null default 'UTC' check (char_length(timezone) <= 64),
           date_format varchar(20),
           updated_at timestamptz not null default now(),
           version integer not null default 1
         );\n";
    [
        accounts,
        settings.to_owned(),
        touch("account", "user_accounts"),
        touch("account", "account_settings"),
        rls("account", "user_accounts", "sf_auth", None),
        rls("account", "account_settings", "sf_auth", None),
    ]
    .concat()
}

fn down() -> String {
    "drop table account.account_settings;
     drop table account.user_accounts;"
        .to_owned()
}
