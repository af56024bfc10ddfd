//! The roles of the server: made where missing, with their settings and passwords, at every run (DB-1, DB-3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use store::role;

/// The services that exist, each with a schema and a login role of its own.
pub const SERVICES: [&str; 3] = ["auth", "profile", "feed"];

/// Roles Supabase has already and plain PostgreSQL gets for compatibility.
const COMPAT: [&str; 3] = ["anon", "authenticated", "service_role"];

/// Rounds of PBKDF2 in a stored password, as PostgreSQL itself uses.
const ROUNDS: u32 = 4096;

/// Returns the statements that bring all roles to where they should be; to be run by the migrating user, alone.
pub(crate) fn statements(secret: &[u8]) -> String {
    let mut sql = String::new();
    for name in COMPAT.into_iter().chain([role::OWNER]) {
        sql += &create(name, "nologin");
    }
    for service in SERVICES {
        let name = role::of(service);
        let schema = role::schema(service);
        let verifier = verifier(
            &role::password(secret, &name),
            uuid::Uuid::new_v4().as_bytes(),
        );
        sql += &create(&name, "login");
        // Our statements are short: compiling one (jit) takes longer than running it. So are our transactions: one that
        // waits this long for its process belongs to one that hangs, and others wait for its locks (T47).
        sql += &format!(
            "alter role {name} password '{verifier}';
             alter role {name} set search_path = {schema}, app;
             alter role {name} set statement_timeout = '5s';
             alter role {name} set jit = off;
             alter role {name} set idle_in_transaction_session_timeout = '15s';\n"
        );
        if service == "feed" {
            // With the rule of visibility in it, a statement takes longer to plan than to run. The same text has the same
            // good plan whatever is bound to it, which the tests of plans hold.
            sql += &format!("alter role {name} set plan_cache_mode = 'force_generic_plan';\n");
        }
    }
    sql += &foreign_schemas();
    // Membership lets the migrating user act as the owner; a superuser counts as a member of everything.
    sql += &format!(
        "do $$ begin
           if not pg_has_role(current_user, '{owner}', 'member') then
             execute format('grant {owner} to %I', current_user);
           end if;
         end $$;
         do $$ begin execute format('grant create, connect on database %I to {owner}', current_database()); end $$;
         create schema if not exists app authorization {owner};\n",
        owner = role::OWNER
    );
    sql
}

/// Where Supabase has these schemas, our functions need to look into them; a right to do so alters nothing there.
/// A user who may not grant it leaves it to the administrator, and what needs it says so when it runs.
fn foreign_schemas() -> String {
    let users: Vec<String> = SERVICES
        .into_iter()
        .map(role::of)
        .chain([role::OWNER.to_owned()])
        .collect();
    let users = users.join(", ");
    format!(
        "do $$ declare home text; begin
           for home in select nspname from pg_catalog.pg_namespace where nspname in ('auth', 'extensions')
             and not has_schema_privilege('{owner}', oid, 'usage')
           loop
             execute format('grant usage on schema %I to {users}', home);
           end loop;
         exception when insufficient_privilege then
           raise warning 'cannot grant usage on the schemas auth and extensions to {users}';
         end $$;\n",
        owner = role::OWNER
    )
}

fn create(name: &str, login: &str) -> String {
    format!(
        "do $$ begin
           if not exists (select 1 from pg_catalog.pg_roles where rolname = '{name}') then create role {name} {login}; end if;
         end $$;\n"
    )
}

/// Returns the form in which PostgreSQL stores a password (RFC 5803), so that no log of statements holds the password.
fn verifier(password: &str, salt: &[u8; 16]) -> String {
    let mut block = hmac(password.as_bytes(), &[salt, &1_u32.to_be_bytes()]);
    let mut salted = block;
    for _ in 1..ROUNDS {
        block = hmac(password.as_bytes(), &[&block]);
        salted
            .iter_mut()
            .zip(block)
            .for_each(|(sum, byte)| *sum ^= byte);
    }
    let stored = Sha256::digest(hmac(&salted, &[b"Client Key"]));
    let server = hmac(&salted, &[b"Server Key"]);
    format!(
        "SCRAM-SHA-256${ROUNDS}:{}${}:{}",
        BASE64.encode(salt),
        BASE64.encode(stored),
        BASE64.encode(server)
    )
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC takes keys of any length, so the error arm is never reached.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return [0; 32];
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn db_1_stored_passwords_are_scram_verifiers() {
        // The exchange of RFC 7677 §3: user "user", password "pencil", salt W22ZaJ0SNY7soEsUEjb6gQ==, 4096 rounds.
        let salt: [u8; 16] = BASE64
            .decode("W22ZaJ0SNY7soEsUEjb6gQ==")
            .unwrap()
            .try_into()
            .unwrap();
        assert_eq!(
            verifier("pencil", &salt),
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
        );
    }

    #[test]
    fn db_1_no_statement_holds_a_password() {
        let sql = statements(b"secret");
        for service in SERVICES {
            assert!(!sql.contains(&role::password(b"secret", &role::of(service))));
        }
    }
}
