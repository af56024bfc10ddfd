//! What a process may know of the schema: which migrations are applied, so that it waits for those it needs (DL-4, DB-8).

use store::role;

use crate::roles::SERVICES;
use crate::sql::Migration;

pub(crate) fn migration() -> Migration {
    Migration::new("m20261123_000007_base_version", up, down)
}

fn up() -> String {
    let services = SERVICES.map(role::of).join(", ");
    format!(
        "create function app.applied_migrations() returns setof text
           language sql stable security definer set search_path = '' as
           $$ select version::text from app.seaql_migrations $$;
         revoke execute on function app.applied_migrations() from public;
         grant execute on function app.applied_migrations() to {services};"
    )
}

fn down() -> String {
    "drop function app.applied_migrations();".to_owned()
}
