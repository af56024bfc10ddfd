//! The queue of mails that are still to be sent.

use crate::ddl::rls;
use crate::sql::Migration;

pub(crate) fn migration() -> Migration {
    Migration::new("m20261123_000013_auth_mail", up, down)
}

fn up() -> String {
    let table = "create table account.mail_queue (
           id uuid primary key,
           to_enc bytea not null,
           template text not null,
           params_enc bytea not null,
           tries integer not null default 0 check (tries >= 0),
           next_try_at timestamptz not null,
           expires_at timestamptz not null
         );
         create index mail_queue_due on account.mail_queue (next_try_at);\n";
    [
        table.to_owned(),
        rls("account", "mail_queue", "sf_auth", None),
    ]
    .concat()
}

fn down() -> String {
    "drop table account.mail_queue;".to_owned()
}
