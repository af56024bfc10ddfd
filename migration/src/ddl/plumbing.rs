//! The tables every schema has, whatever its service does (DB-7).

use super::rls;

const TABLES: [&str; 5] = [
    "outbox",
    "inbox",
    "dead_letters",
    "idempotency_keys",
    "job_runs",
];

/// Makes outbox, inbox, dead letters, idempotency keys and job runs in a schema.
#[must_use]
pub fn plumbing(schema: &str, service_role: &str) -> String {
    let mut sql = format!(
        "create table {schema}.outbox (
           id uuid primary key,
           seq bigint not null generated always as identity,
           aggregate_id uuid not null,
           aggregate_version integer not null,
           type text not null,
           payload bytea not null,
           headers jsonb not null default '{{}}',
           created_at timestamptz not null default now(),
           published_at timestamptz
         );
         create index outbox_waiting on {schema}.outbox (seq) where published_at is null;
         create index outbox_published on {schema}.outbox (published_at) where published_at is not null;
         create table {schema}.inbox (
           consumer text not null,
           event_id uuid not null,
           processed_at timestamptz not null default now(),
           primary key (consumer, event_id)
         );
         create index inbox_processed on {schema}.inbox (processed_at);
         create table {schema}.dead_letters (
           id uuid primary key default gen_random_uuid(),
           consumer text not null,
           event_id uuid not null,
           type text not null,
           payload bytea not null,
           attempts integer not null check (attempts >= 0),
           next_try_at timestamptz not null,
           dead boolean not null default false,
           error text not null,
           created_at timestamptz not null default now(),
           unique (consumer, event_id)
         );
         create index dead_letters_due on {schema}.dead_letters (next_try_at) where not dead;
         create table {schema}.idempotency_keys (
           scope text not null,
           key text not null,
           fingerprint bytea not null,
           state text not null check (state in ('claimed', 'done')),
           status bytea,
           body bytea,
           session_id uuid,
           created_at timestamptz not null default now(),
           expires_at timestamptz not null,
           primary key (scope, key)
         );
         create index idempotency_keys_expiry on {schema}.idempotency_keys (expires_at);
         create table {schema}.job_runs (
           job text not null,
           key text not null default '',
           locked_by text,
           locked_until timestamptz,
           state jsonb not null default '{{}}',
           last_ok_at timestamptz,
           primary key (job, key)
         );\n"
    );
    for table in TABLES {
        sql += &rls(schema, table, service_role, None);
    }
    sql
}

/// Takes [`plumbing`] back.
#[must_use]
pub fn drop_plumbing(schema: &str) -> String {
    TABLES
        .iter()
        .map(|table| format!("drop table {schema}.{table};\n"))
        .collect()
}
