//! One schema per service, usable by its role alone (DB-1).

use store::role;

use crate::roles::SERVICES;
use crate::sql::Migration;

pub(crate) fn migration() -> Migration {
    Migration::new("m20261123_000003_base_schemas", up, down)
}

fn up() -> String {
    SERVICES
        .map(|service| {
            let (schema, role) = (role::schema(service), role::of(service));
            format!("create schema {schema};\ngrant usage on schema {schema} to {role};\n")
        })
        .concat()
}

fn down() -> String {
    SERVICES
        .map(|service| format!("drop schema {};\n", role::schema(service)))
        .concat()
}
