//! `auth.uid()` where Supabase has not made it already (DB-3); what is Supabase's own is left alone.

use crate::sql::Migration;

pub(crate) fn migration() -> Migration {
    Migration::new("m20261123_000001_base_compat", up, down)
}

/// The comment by which `down` knows what is ours.
const OURS: &str = "made by smilefactory";

fn up() -> String {
    format!(
        "do $do$ begin
           if to_regnamespace('auth') is null then
             create schema auth;
             comment on schema auth is '{OURS}';
             grant usage on schema auth to anon, authenticated, service_role;
           end if;
           if not exists (select 1 from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
               where n.nspname = 'auth' and p.proname = 'uid' and p.pronargs = 0) then
             create function auth.uid() returns uuid language sql stable set search_path = '' as
               $$ select nullif(nullif(current_setting('request.jwt.claims', true), '')::json ->> 'sub', '')::uuid $$;
             comment on function auth.uid() is '{OURS}';
           end if;
         end $do$;"
    )
}

fn down() -> String {
    format!(
        "do $do$ begin
           if exists (select 1 from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
               where n.nspname = 'auth' and p.proname = 'uid' and obj_description(p.oid, 'pg_proc') = '{OURS}') then
             drop function auth.uid();
           end if;
           if obj_description(to_regnamespace('auth'), 'pg_namespace') = '{OURS}' then
             drop schema auth;
           end if;
         end $do$;"
    )
}
