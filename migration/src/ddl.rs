//! The pieces of SQL every schema is made of.

use store::role;

mod plumbing;
mod projections;

pub use plumbing::{drop_plumbing, plumbing};
pub use projections::{
    connections, drop_connections, drop_groups, drop_projections, groups, projections,
};

/// The standard columns of DB-6, for the inside of a `create table`.
#[must_use]
pub fn std() -> &'static str {
    "id uuid primary key default gen_random_uuid(),
     created_at timestamptz not null default now(),
     updated_at timestamptz not null default now(),
     version integer not null default 1"
}

/// The only kind of trigger there is (D11): keeps `updated_at` of a table.
#[must_use]
pub fn touch(schema: &str, table: &str) -> String {
    format!(
        "create trigger touch before update on {schema}.{table} for each row execute function app.touch();\n"
    )
}

/// What clients that sign in with a user's token may read of a table.
#[derive(Debug, Clone, Copy)]
pub struct Read<'a> {
    /// Which rows, as an SQL condition.
    pub using: &'a str,
    /// Which columns (DB-10).
    pub columns: &'a [&'a str],
}

/// Row level security of one table, enabled and forced, with exactly the policies of DB-2: `owner_all` for the owner,
/// `service_all` and the grants for the schema's service role, and `read` for `authenticated` where there is one.
#[must_use]
pub fn rls(schema: &str, table: &str, service_role: &str, read: Option<Read<'_>>) -> String {
    let owner = role::OWNER;
    let mut sql = format!(
        "alter table {schema}.{table} enable row level security;
         alter table {schema}.{table} force row level security;
         create policy owner_all on {schema}.{table} for all to {owner} using (true) with check (true);
         create policy service_all on {schema}.{table} for all to {service_role} using (true) with check (true);
         grant select, insert, update, delete on {schema}.{table} to {service_role};\n"
    );
    if let Some(Read { using, columns }) = read {
        let columns = columns.join(", ");
        sql += &format!(
            "create policy read on {schema}.{table} for select to authenticated using ({using});
             grant usage on schema {schema} to authenticated;
             grant select ({columns}) on {schema}.{table} to authenticated;\n"
        );
    }
    sql
}
