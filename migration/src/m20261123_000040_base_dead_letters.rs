//! When a dead letter failed last, for whoever looks at it (EB-5).

use store::role;

use crate::roles::SERVICES;
use crate::sql::Migration;

pub(crate) fn migration() -> Migration {
    Migration::new("m20261123_000040_base_dead_letters", up, down)
}

fn up() -> String {
    each("add column last_failed_at timestamptz not null default now()")
}

fn down() -> String {
    each("drop column last_failed_at")
}

fn each(change: &str) -> String {
    let alter = |service| {
        let schema = role::schema(service);
        format!("alter table {schema}.dead_letters {change};\n")
    };
    SERVICES.map(alter).concat()
}
