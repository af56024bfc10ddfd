//! The audit log; its rows can be added and, once old, removed, but not changed (AU-14).

use crate::ddl::rls;
use crate::sql::Migration;

pub(crate) fn migration() -> Migration {
    Migration::new("m20261123_000014_auth_audit", up, down)
}

fn up() -> String {
    let table = "create table account.audit_log (
           id uuid primary key,
           at timestamptz not null default clock_timestamp(),
           action text not null,
           account_id uuid,
           email_hash bytea check (octet_length(email_hash) = 32),
           session_id uuid,
           ip inet,
           user_agent varchar(255),
           outcome text not null,
           detail jsonb
         );
         create index audit_log_account on account.audit_log (account_id, at desc);
         create index audit_log_at on account.audit_log (at);\n";
    [
        table.to_owned(),
        rls("account", "audit_log", "sf_auth", None),
        "revoke update on account.audit_log from sf_auth;\n".to_owned(),
    ]
    .concat()
}

fn down() -> String {
    "drop table account.audit_log;".to_owned()
}
