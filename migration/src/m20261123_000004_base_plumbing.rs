//! Outbox, inbox, dead letters, idempotency keys and job runs in every schema (DB-7).

use store::role;

use crate::ddl;
use crate::roles::SERVICES;
use crate::sql::Migration;

pub(crate) fn migration() -> Migration {
    Migration::new("m20261123_000004_base_plumbing", up, down)
}

fn up() -> String {
    SERVICES
        .map(|service| ddl::plumbing(role::schema(service), &role::of(service)))
        .concat()
}

fn down() -> String {
    SERVICES
        .map(|service| ddl::drop_plumbing(role::schema(service)))
        .concat()
}
