//! Sessions, the generations of their refresh tokens, and revocations.

use crate::ddl::{rls, std, touch};
use crate::sql::Migration;

pub(crate) fn migration() -> Migration {
    Migration::new("m20261123_000011_auth_sessions", up, down)
}

fn up() -> String {
    let std = std();
    let sessions = format!(
        "create table account.sessions (
           {std},
           account_id uuid not null references account.user_accounts on delete cascade,
           active_profile_id uuid not null,
           device_name varchar(100),
           user_agent varchar(255),
           ip inet,
           last_activity_at timestamptz not null,
           expires_at timestamptz not null,
           absolute_expires_at timestamptz not null,
           revoked_at timestamptz,
           revoke_reason text,
           constraint sessions_end_in_time check (expires_at <= absolute_expires_at),
           constraint sessions_revoked_for_a_reason check ((revoked_at is null) = (revoke_reason is null))
         );
         create index sessions_account on account.sessions (account_id) where revoked_at is null;
         create index sessions_profile on account.sessions (active_profile_id) where revoked_at is null;\n"
    );
    let tokens = "create table account.refresh_tokens (
           id uuid primary key,
           session_id uuid not null references account.sessions on delete cascade,
           jti_hash bytea not null constraint refresh_tokens_jti unique check (octet_length(jti_hash) = 32),
           parent_id uuid constraint refresh_tokens_parent unique references account.refresh_tokens on delete cascade,
           generation integer not null check (generation >= 0),
           issued_at timestamptz not null,
           expires_at timestamptz not null,
           first_used_at timestamptz,
           constraint refresh_tokens_generation unique (session_id, generation),
           constraint refresh_tokens_first_has_no_parent check ((generation = 0) = (parent_id is null)),
           constraint refresh_tokens_live check (expires_at > issued_at)
         );
         create table account.revocations (
           seq bigint generated always as identity primary key,
           kind text not null check (kind in ('session', 'account', 'profile', 'role')),
           subject_id uuid not null,
           effective_at timestamptz not null,
           expires_at timestamptz not null,
           constraint revocations_last check (expires_at > effective_at)
         );
         create index revocations_expiry on account.revocations (expires_at);\n";
    [
        sessions,
        tokens.to_owned(),
        touch("account", "sessions"),
        rls("account", "sessions", "sf_auth", None),
        rls("account", "refresh_tokens", "sf_auth", None),
        rls("account", "revocations", "sf_auth", None),
    ]
    .concat()
}

fn down() -> String {
    "drop table account.revocations;
     drop table account.refresh_tokens;
     drop table account.sessions;"
        .to_owned()
}
