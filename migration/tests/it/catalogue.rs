//! What the catalogue must show of every schema of ours (DB-1, DB-2, DB-5, D11, D31).

use sqlx::Row as _;
use store::role;

use crate::database::Database;

const OURS: &str = "('app', 'account', 'profile', 'feed')";

async fn rows(database: &Database, sql: &str) -> Vec<String> {
    let mut connection = database.connect().await;
    let sql = sql.replace("OURS", OURS);
    sqlx::query(sqlx::AssertSqlSafe(sql))
        .fetch_all(&mut connection)
        .await
        .unwrap()
        .iter()
        .map(|row| row.get::<String, _>(0))
        .collect()
}

#[tokio::test]
async fn the_catalogue_shows_what_the_rules_demand() {
    let database = Database::empty().await;
    migration::up(&database.target).await.unwrap();
    db_1_roles_have_no_special_rights(&database).await;
    db_1_settings_stand_on_the_roles(&database).await;
    db_1_the_owner_owns_everything(&database).await;
    db_2_every_table_has_row_security_with_exactly_the_listed_policies(&database).await;
    db_2_nobody_else_is_granted_anything(&database).await;
    db_4_definer_functions_fix_their_search_path(&database).await;
    d_11_the_only_triggers_are_touches(&database).await;
    d_31_no_index_repeats_another(&database).await;
    d_5_no_foreign_key_leaves_its_schema(&database).await;
}

async fn db_1_roles_have_no_special_rights(database: &Database) {
    // The server is shared: other roles on it are not ours to judge.
    let mut expected: Vec<String> = migration::SERVICES.into_iter().map(role::of).collect();
    expected.sort();
    let ours = format!("('{}', 'sf_owner')", expected.join("', '"));
    let special = rows(
        database,
        &format!(
            "select rolname::text from pg_roles where rolname in {ours} and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb)"
        ),
    )
    .await;
    assert_eq!(special, Vec::<String>::new());
    let login = format!(
        "select rolname::text from pg_roles where rolname in {ours} and rolcanlogin order by 1"
    );
    assert_eq!(rows(database, &login).await, expected);
}

async fn db_1_settings_stand_on_the_roles(database: &Database) {
    for service in migration::SERVICES {
        let role = role::of(service);
        let settings = rows(
            database,
            &format!(
                "select unnest(setconfig) from pg_db_role_setting where setdatabase = 0 and setrole = '{role}'::regrole order by 1"
            ),
        )
        .await;
        let path = format!("search_path={}, app", role::schema(service));
        assert!(settings.contains(&path), "{role}: {settings:?}");
        assert!(
            settings.contains(&"statement_timeout=5s".to_owned()),
            "{role}: {settings:?}"
        );
    }
}

async fn db_1_the_owner_owns_everything(database: &Database) {
    let foreign = rows(
        database,
        "select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
           where n.nspname in OURS and c.relowner <> 'sf_owner'::regrole
         union all select n.nspname || '.' || p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
           where n.nspname in OURS and p.proowner <> 'sf_owner'::regrole
             and not exists (select 1 from pg_depend d where d.objid = p.oid and d.deptype = 'e')",
    )
    .await;
    assert_eq!(foreign, Vec::<String>::new());
}

async fn db_2_every_table_has_row_security_with_exactly_the_listed_policies(database: &Database) {
    let open = rows(
        database,
        "select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname in OURS and c.relkind in ('r', 'p') and not (c.relrowsecurity and c.relforcerowsecurity)",
    )
    .await;
    assert_eq!(
        open,
        Vec::<String>::new(),
        "tables without row level security enabled and forced"
    );
    let policies = rows(
        database,
        "select concat_ws(' ', c.relname, n.nspname, coalesce(string_agg(concat_ws(' ', p.policyname, p.permissive, p.cmd,
           array_to_string(p.roles, ','), p.qual, p.with_check), '; ' order by p.policyname), ''))
         from pg_class c join pg_namespace n on n.oid = c.relnamespace
         left join pg_policies p on p.schemaname = n.nspname and p.tablename = c.relname
         where n.nspname in OURS and c.relkind in ('r', 'p') group by n.nspname, c.relname order by 1",
    )
    .await;
    assert!(policies.len() > 20, "{policies:#?}");
    for line in policies {
        let mut words = line.splitn(3, ' ');
        let (table, schema, found) = (
            words.next().unwrap(),
            words.next().unwrap(),
            words.next().unwrap(),
        );
        let owner = "owner_all PERMISSIVE ALL sf_owner true true";
        let expected = match migration::SERVICES
            .into_iter()
            .find(|service| role::schema(service) == schema)
        {
            Some(service) => format!(
                "{owner}; service_all PERMISSIVE ALL {} true true",
                role::of(service)
            ),
            None => owner.to_owned(),
        };
        assert_eq!(found, expected, "{schema}.{table}");
    }
}

async fn db_2_nobody_else_is_granted_anything(database: &Database) {
    let granted = rows(
        database,
        "select distinct concat_ws(' ', table_schema, table_name, grantee, privilege_type) from information_schema.role_table_grants
         where table_schema in OURS and grantee <> 'sf_owner'
           and not (privilege_type in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
             and grantee = case table_schema when 'account' then 'sf_auth' else 'sf_' || table_schema end)",
    )
    .await;
    assert_eq!(granted, Vec::<String>::new());
    let create = rows(
        database,
        "select concat_ws(' ', n.nspname, r.rolname) from pg_namespace n cross join pg_roles r
         where n.nspname in OURS and r.rolname in ('anon', 'authenticated', 'service_role', 'sf_auth', 'sf_profile', 'sf_feed')
           and (has_schema_privilege(r.oid, n.oid, 'create')
             or (has_schema_privilege(r.oid, n.oid, 'usage') and n.nspname <> 'app'
               and r.rolname <> case n.nspname when 'account' then 'sf_auth' else 'sf_' || n.nspname end))",
    )
    .await;
    assert_eq!(create, Vec::<String>::new());
}

async fn db_4_definer_functions_fix_their_search_path(database: &Database) {
    let loose = rows(
        database,
        "select p.oid::regprocedure::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace
         where n.nspname in OURS and p.prosecdef and not coalesce(array_to_string(p.proconfig, ' ') ~ 'search_path=', false)",
    )
    .await;
    assert_eq!(loose, Vec::<String>::new());
}

async fn d_11_the_only_triggers_are_touches(database: &Database) {
    let other = rows(
        database,
        "select t.tgrelid::regclass || ' ' || t.tgname from pg_trigger t join pg_class c on c.oid = t.tgrelid
         join pg_namespace n on n.oid = c.relnamespace
         where n.nspname in OURS and not t.tgisinternal and (t.tgfoid <> 'app.touch()'::regprocedure
           or pg_get_triggerdef(t.oid) !~ 'BEFORE UPDATE')",
    )
    .await;
    assert_eq!(other, Vec::<String>::new());
    // A column that is to be kept has a trigger that keeps it.
    let untouched = rows(
        database,
        "select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
         join pg_attribute a on a.attrelid = c.oid and a.attname = 'updated_at'
         where n.nspname in OURS and c.relkind = 'r'
           and not exists (select 1 from pg_trigger t where t.tgrelid = c.oid and t.tgfoid = 'app.touch()'::regprocedure)",
    )
    .await;
    assert_eq!(untouched, Vec::<String>::new());
}

/// An index is superfluous when another of the same method and condition begins with all its columns; a unique one
/// only when that other is unique over exactly the same.
async fn d_31_no_index_repeats_another(database: &Database) {
    let repeated = rows(
        database,
        "with i as (
           select x.indexrelid, x.indrelid, x.indisunique, c.relam, c.relname, x.indnkeyatts,
             (select array_agg(pg_get_indexdef(x.indexrelid, k, true) || ' ' || x.indoption[k - 1]::text order by k)
                from generate_series(1, x.indnkeyatts) k) as keys,
             coalesce(pg_get_expr(x.indpred, x.indrelid), '') as condition, x.indclass::text as classes
           from pg_index x join pg_class c on c.oid = x.indexrelid join pg_namespace n on n.oid = c.relnamespace
           where n.nspname in OURS)
         select a.relname || ' is the beginning of ' || b.relname from i a join i b
           on a.indrelid = b.indrelid and a.indexrelid <> b.indexrelid and a.relam = b.relam and a.condition = b.condition
             and a.keys = b.keys[1:cardinality(a.keys)]
         where a.relam = (select oid from pg_am where amname = 'btree')
           and (not a.indisunique or (b.indisunique and a.keys = b.keys and a.indexrelid > b.indexrelid))",
    )
    .await;
    assert_eq!(repeated, Vec::<String>::new());
}

async fn d_5_no_foreign_key_leaves_its_schema(database: &Database) {
    let leaving = rows(
        database,
        "select k.conrelid::regclass || ' ' || k.conname from pg_constraint k
         join pg_class a on a.oid = k.conrelid join pg_class b on b.oid = k.confrelid
         where k.contype = 'f' and a.relnamespace <> b.relnamespace",
    )
    .await;
    assert_eq!(leaving, Vec::<String>::new());
}
