//! Up, down, twice and at once (DB-8, I-23).

use crate::database::{Database, execute};

/// Every schema object and its definition, as text to compare.
async fn shape(database: &Database) -> Vec<String> {
    let mut connection = database.connect().await;
    sqlx::query_scalar(
        "select 'table ' || n.nspname || '.' || c.relname || ' ' || coalesce(string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
             || ' ' || a.attnotnull::text, ', ' order by a.attname), '') || ' ' || coalesce(max(c.relacl::text), '')
           from pg_class c join pg_namespace n on n.oid = c.relnamespace
           left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
           where c.relkind in ('r', 'v', 'S') and n.nspname !~ '^pg_|information_schema' group by n.nspname, c.relname 
         union all select 'index ' || indexdef from pg_indexes where schemaname !~ '^pg_'
         union all select 'function ' || p.oid::regprocedure || p.prosrc || coalesce(p.proacl::text, '')
           from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname !~ '^pg_|information_schema'
         union all select 'policy ' || tablename || policyname || schemaname from pg_policies
         union all select 'constraint ' || conrelid::regclass || pg_get_constraintdef(oid) from pg_constraint
           where connamespace::regnamespace::text !~ '^pg_|information_schema'
         union all select 'type ' || t.typname from pg_type t where t.typtype = 'e'
         order by 1",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap()
}

#[tokio::test]
async fn db_8_migrating_twice_and_concurrently_is_harmless() {
    let database = Database::empty().await;
    let (first, second) = tokio::join!(
        migration::up(&database.target),
        migration::up(&database.target)
    );
    let (first, second) = (first.unwrap(), second.unwrap());
    assert!(
        first.is_empty() != second.is_empty(),
        "one run applies everything, the other finds nothing: {first:?} {second:?}"
    );
    let after = shape(&database).await;
    assert!(migration::up(&database.target).await.unwrap().is_empty());
    assert_eq!(shape(&database).await, after);
    let status = migration::status(&database.target).await.unwrap();
    assert!(!status.is_empty() && status.iter().all(|(_, applied)| *applied));
}

#[tokio::test]
async fn db_8_every_migration_goes_one_step_back_and_forward_again() {
    let database = Database::empty().await;
    assert!(
        migration::status(&database.target)
            .await
            .unwrap()
            .iter()
            .all(|(_, applied)| !applied)
    );
    let applied = migration::up(&database.target).await.unwrap();
    let full = shape(&database).await;
    for name in applied.iter().rev() {
        assert_eq!(
            migration::down(&database.target).await.unwrap().as_ref(),
            Some(name)
        );
    }
    assert_eq!(migration::down(&database.target).await.unwrap(), None);
    let left: Vec<String> = shape(&database)
        .await
        .into_iter()
        .filter(|line| !line.contains("unaccent"))
        .collect();
    assert!(
        left.iter().all(|line| line.contains("seaql_migrations")),
        "left behind: {left:#?}"
    );
    assert_eq!(migration::up(&database.target).await.unwrap(), applied);
    assert_eq!(shape(&database).await, full);
}

#[tokio::test]
async fn db_3_what_supabase_made_is_left_alone() {
    let database = Database::empty().await;
    let mut connection = database.connect().await;
    execute(
        &mut connection,
        "create schema auth; create schema extensions; create extension unaccent schema extensions;
         create function auth.uid() returns uuid language sql stable as $$ select null::uuid $$;",
    )
    .await;
    let applied = migration::up(&database.target).await.unwrap();
    let folded: String = sqlx::query_scalar("select app.fold('Äé')")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(folded, "ae");
    for _ in &applied {
        migration::down(&database.target).await.unwrap();
    }
    let source: String =
        sqlx::query_scalar("select prosrc from pg_proc where oid = 'auth.uid()'::regprocedure")
            .fetch_one(&mut connection)
            .await
            .unwrap();
    assert_eq!(source.trim(), "select null::uuid");
}

#[tokio::test]
async fn db_3_uid_is_the_subject_of_the_claims() {
    let database = Database::empty().await;
    migration::up(&database.target).await.unwrap();
    let mut connection = database.connect().await;
    let id = uuid::Uuid::new_v4();
    let none: Option<uuid::Uuid> = sqlx::query_scalar("select auth.uid()")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(none, None);
    execute(
        &mut connection,
        &format!("select set_config('request.jwt.claims', '{{\"sub\":\"{id}\"}}', false)"),
    )
    .await;
    let some: Option<uuid::Uuid> = sqlx::query_scalar("select auth.uid()")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(some, Some(id));
}

#[tokio::test]
async fn db_1_a_migrating_user_without_special_rights_is_enough() {
    // Roles are there already, made by another user.
    let first = Database::empty().await;
    migration::up(&first.target).await.unwrap();
    let database = Database::of_plain_user().await;
    let applied = migration::up(&database.target).await.unwrap();
    assert_eq!(shape(&database).await, shape(&first).await);
    assert_eq!(
        migration::down(&database.target).await.unwrap().as_ref(),
        applied.last()
    );
}
