//! What a deleted account leaves behind in the whole system (PJ-4, I-21).

use contracts::auth::v1::AccountDeleted;
use e2e::World;
use events::Event;
use redis::Script;
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use serde_json::json;
use testkit::eventually;
use uuid::Uuid;

/// A word nothing else says.
const MARK: &str = "xylographica";

/// Rows that name a deleted account by its ids alone, each for a reason: it keeps the account from being made anew by a late event
/// (`profiles`, `profile_ref`, `account_ref`, `account_profiles`), or holds the thread and the counters of others (`posts`).
const TOMBSTONES: [&str; 5] = [
    "account.account_profiles",
    "feed.account_ref",
    "feed.posts",
    "feed.profile_ref",
    "profile.profiles",
];

/// Plumbing that forgets by itself: outbox after 7 days, inbox after 8, keys after a day, leases.
const PLUMBING: [&str; 5] = [
    "outbox",
    "inbox",
    "dead_letters",
    "idempotency_keys",
    "job_runs",
];

async fn rows(world: &World, sql: &str) -> Vec<String> {
    let select = Statement::from_string(DbBackend::Postgres, sql);
    let rows = world.rig().owner().query_all_raw(select).await.unwrap();
    rows.iter()
        .map(|row| row.try_get_by_index(0).unwrap())
        .collect()
}

/// The tables of feed and profile, and auth's projection, that have a row with one of these texts.
async fn tables_with(world: &World, texts: &[&str]) -> Vec<String> {
    let tables = rows(
        world,
        "select schemaname || '.' || tablename from pg_tables
         where schemaname in ('feed', 'profile') or (schemaname = 'account' and tablename = 'account_profiles') order by 1",
    )
    .await;
    assert!(tables.len() > 20, "{tables:?}");
    let mut found = Vec::new();
    for table in tables {
        let plumbing = table.split('.').next_back().unwrap();
        if PLUMBING.contains(&plumbing) {
            continue;
        }
        let says: Vec<String> = texts
            .iter()
            .map(|text| format!("to_jsonb(t)::text like '%{text}%'"))
            .collect();
        let sql = format!(
            "select 'x' from {table} t where {} limit 1",
            says.join(" or ")
        );
        if !rows(world, &sql).await.is_empty() {
            found.push(table);
        }
    }
    found
}

/// Keys of Redis that name one of these and never end, streams aside.
async fn lasting_keys(world: &World, ids: &[&str]) -> Vec<String> {
    static LASTING: Script = Script::new(
        "local found = {}
         for _, key in ipairs(redis.call('KEYS', '*' .. ARGV[1] .. '*')) do
           if redis.call('PTTL', key) == -1 then found[#found + 1] = key end
         end
         return found",
    );
    let mut found = Vec::new();
    for id in ids {
        let reply = world
            .rig()
            .redis()
            .eval(&LASTING, &[], &[(*id).into()])
            .await;
        for key in reply.unwrap().many().unwrap() {
            found.push(key.text().unwrap());
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn i_21_a_deleted_account_leaves_no_text_of_its_own_and_only_known_tombstones() {
    let world = World::start().await;
    let (gone, stays) = (world.newcomer().await, world.newcomer().await);
    let path = format!("/api/v1/profiles/{}", gone.profile_id);
    let facts = json!({"displayName": MARK, "bio": MARK, "headline": MARK, "location": MARK, "tags": [MARK]});
    gone.client.put(&path, facts).await.data(200);
    let post = |content: &str| json!({"type": "general", "content": content});
    let own = gone
        .client
        .post("/api/v1/posts", post(MARK))
        .await
        .data(201);
    let other = stays
        .client
        .post("/api/v1/posts", post("stays"))
        .await
        .data(201);
    let (own, other) = (own["id"].as_str().unwrap(), other["id"].as_str().unwrap());
    for id in [own, other] {
        let comment = json!({"content": MARK});
        let comments = format!("/api/v1/posts/{id}/comments");
        gone.client.post(&comments, comment).await.data(201);
        gone.client
            .post(&format!("/api/v1/posts/{id}/like"), json!({}))
            .await;
    }
    let account: Uuid = rows(
        &world,
        &format!(
            "select user_account_id::text from profile.profiles where id = '{}'",
            gone.profile_id
        ),
    )
    .await
    .remove(0)
    .parse()
    .unwrap();
    let (account_id, ids) = (
        account.to_string(),
        [account.to_string(), gone.profile_id.clone()],
    );
    let ids = [ids[0].as_str(), ids[1].as_str()];
    eventually(|| async {
        tables_with(&world, &[MARK])
            .await
            .contains(&"feed.profile_ref".to_owned())
    })
    .await;

    let ctx = world.rig().anonymous();
    let mut tx = world.rig().db("auth").begin(&ctx).await.unwrap();
    let deleted = AccountDeleted {
        account_id,
        version: 1000,
    };
    events::publish(&mut tx, &ctx, Event::of(account, 1000, &deleted))
        .await
        .unwrap();
    tx.commit().await.unwrap();

    eventually(|| async { tables_with(&world, &[MARK]).await.is_empty() }).await;
    let named = tables_with(&world, &ids).await;
    let unknown: Vec<&String> = named
        .iter()
        .filter(|table| !TOMBSTONES.contains(&table.as_str()))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    assert!(named.contains(&"feed.account_ref".to_owned()), "{named:?}");
    assert_eq!(lasting_keys(&world, &ids).await, Vec::<String>::new());
    let seen = stays
        .client
        .get(&format!("/api/v1/posts/{other}"))
        .await
        .data(200);
    assert_eq!(
        (&seen["likesCount"], &seen["commentsCount"]),
        (&json!(0), &json!(0))
    );
    stays
        .client
        .get(&format!("/api/v1/posts/{own}"))
        .await
        .refused(404);
    world.stop().await;
}
