//! What the schemas share: `app.touch()` and `app.fold(text)` (DB-4), and the migration log behind row level security.

use store::role;

use crate::roles::SERVICES;
use crate::sql::Migration;

pub(crate) fn migration() -> Migration {
    Migration::new("m20261123_000002_base_app", up, down)
}

fn up() -> String {
    let owner = role::OWNER;
    let services = SERVICES.map(role::of).join(", ");
    // `unaccent(text)` alone is only STABLE, because it looks its dictionary up; with the dictionary named the
    // result depends on nothing else, so that indexes may use it.
    format!(
        "do $do$
         declare home text;
         begin
           select quote_ident(n.nspname) into home from pg_catalog.pg_extension e
             join pg_catalog.pg_namespace n on n.oid = e.extnamespace where e.extname = 'unaccent';
           if home is null then
             home := case when to_regnamespace('extensions') is null then 'app' else 'extensions' end;
             execute format('create extension unaccent schema %s', home);
           end if;
           execute format('create function app.fold(value text) returns text
             language sql immutable parallel safe strict
             as $$ select pg_catalog.lower(%s.unaccent(%L::regdictionary, $1)) $$', home, home || '.unaccent');
         end $do$;
         create function app.touch() returns trigger language plpgsql set search_path = '' as
           $$ begin new.updated_at := pg_catalog.now(); return new; end $$;
         grant usage on schema app to {services}, authenticated;
         alter table app.seaql_migrations enable row level security;
         alter table app.seaql_migrations force row level security;
         create policy owner_all on app.seaql_migrations for all to {owner} using (true) with check (true);"
    )
}

fn down() -> String {
    // The extension stays: it may have been there before, and others may use it.
    "drop policy owner_all on app.seaql_migrations;
     alter table app.seaql_migrations no force row level security;
     alter table app.seaql_migrations disable row level security;
     drop function app.touch();
     drop function app.fold(text);"
        .to_owned()
}
