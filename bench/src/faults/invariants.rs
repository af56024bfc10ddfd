//! What must hold after any fault: what was acknowledged compared with what is stored, and rows compared with each other.
//!
//! Each check returns what is wrong, with the invariant's id in front.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;
use sqlx::PgConnection;

use super::journal::Entries;
use super::writers::{address, refresh};
use crate::deployment::{Ask, Cluster, Entry, Session};

/// Longest wait for events to have had their effect: longer than the last try of one that failed (156 s).
const SETTLED: Duration = Duration::from_secs(240);

/// Statements that return a line for each row that contradicts another one, once everything has settled.
const ROWS: &[(&str, &str)] = &[
    (
        "I-1: a counter of likes is not their number",
        "select s.post_id::text from feed.post_stats s where s.likes + coalesce((select sum(late.likes) from feed.post_stats_late late where late.post_id = s.post_id), 0) <> \
         (select count(*) from feed.likes l where l.post_id = s.post_id)",
    ),
    (
        "VIS-8: a counter of guarded likes is not their number",
        "select s.post_id::text from feed.post_stats s where s.guarded_likes + coalesce((select sum(late.guarded_likes) from feed.post_stats_late late where late.post_id = s.post_id), 0) <> \
         (select count(*) from feed.likes l join feed.profile_ref r on r.profile_id = l.profile_id where l.post_id = s.post_id and r.is_guarded)",
    ),
    (
        "I-2: a counter of comments is not their number",
        "select s.post_id::text from feed.post_stats s where s.comments + coalesce((select sum(late.comments) from feed.post_stats_late late where late.post_id = s.post_id), 0) <> \
         (select count(*) from feed.comments c where c.post_id = s.post_id and c.deleted_at is null)",
    ),
    (
        "I-3: a like is stored twice",
        "select profile_id::text from feed.likes where post_id is not null group by profile_id, post_id having count(*) > 1",
    ),
    (
        "I-6: not one primary profile",
        "select a.id::text from account.user_accounts a where 1 <> (select count(*) from profile.profiles p \
         where p.user_account_id = a.id and p.is_primary and p.deleted_at is null)",
    ),
    (
        "I-9: an event is not published",
        "select 'account ' || type from account.outbox where published_at is null \
         union all select 'profile ' || type from profile.outbox where published_at is null \
         union all select 'feed ' || type from feed.outbox where published_at is null",
    ),
    (
        "I-9: an event is not handled",
        "select 'account ' || type from account.dead_letters union all select 'profile ' || type from profile.dead_letters \
         union all select 'feed ' || type from feed.dead_letters",
    ),
    (
        "I-9: feed's copy of a profile is not the profile",
        "select p.id::text from profile.profiles p left join feed.profile_ref r on r.profile_id = p.id \
         where p.deleted_at is null and (r.display_name is distinct from p.display_name or r.version is distinct from p.version)",
    ),
    (
        "I-9: auth's copy of a profile is not the profile",
        "select p.id::text from profile.profiles p left join account.account_profiles r on r.profile_id = p.id \
         where p.deleted_at is null and (r.display_name is distinct from p.display_name or r.is_primary is distinct from p.is_primary)",
    ),
    (
        "I-13: a session has two newest refresh tokens",
        "select t.session_id::text from account.refresh_tokens t where not exists \
         (select 1 from account.refresh_tokens c where c.parent_id = t.id) group by t.session_id having count(*) > 1",
    ),
];

/// Checks everything but limits.
///
/// # Errors
/// A process or PostgreSQL does not answer.
pub async fn check(
    entry: &Entry,
    database: &mut PgConnection,
    entries: &Entries,
) -> Result<Vec<String>> {
    let mut wrong = entries.wrong.clone();
    wrong.extend(settled(database).await?);
    wrong.extend(posts(database, entries).await?);
    wrong.extend(likes(entry, database, entries).await?);
    wrong.extend(names(database, entries).await?);
    for session in &entries.left {
        wrong.extend(stays_out(entry, session).await?);
    }
    for (session, tokens) in &entries.kept {
        wrong.extend(family(entry, session, tokens).await?);
    }
    Ok(wrong)
}

/// Rows that contradict each other; events are given time.
///
/// # Errors
/// PostgreSQL does not answer.
pub async fn settled(database: &mut PgConnection) -> Result<Vec<String>> {
    let began = Instant::now();
    loop {
        let mut wrong = Vec::new();
        for (what, statement) in ROWS {
            let rows = texts(database, statement).await?;
            wrong.extend(rows.into_iter().map(|row| format!("{what}: {row}")));
        }
        if wrong.is_empty() || began.elapsed() > SETTLED {
            return Ok(wrong);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn texts(database: &mut PgConnection, statement: &'static str) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar(statement).fetch_all(database).await?)
}

/// I-7, I-8: what was acknowledged is stored, and once. Everything was sent until it was acknowledged, so nothing else is.
async fn posts(database: &mut PgConnection, entries: &Entries) -> Result<Vec<String>> {
    let rows = "select content from feed.posts where content like 'kept %' and deleted_at is null";
    let mut stored: BTreeMap<String, u64> = BTreeMap::new();
    for content in texts(database, rows).await? {
        *stored.entry(content).or_default() += 1;
    }
    let acknowledged: BTreeSet<&String> = entries.posts.iter().collect();
    let lost = acknowledged.iter().filter(|it| !stored.contains_key(**it));
    let lost = lost.map(|it| format!("I-7: an acknowledged post is lost: {it}"));
    let many = stored.iter().filter(|(_, copies)| **copies > 1);
    let many = many.map(|(it, copies)| format!("I-8: a post is stored {copies} times: {it}"));
    let strange = stored.keys().filter(|it| !acknowledged.contains(it));
    let strange = strange.map(|it| format!("I-8: a post nobody was told of: {it}"));
    Ok(lost.chain(many).chain(strange).collect())
}

/// I-3: the last acknowledged request decides; I-1: what readers see is the number of rows.
async fn likes(
    entry: &Entry,
    database: &mut PgConnection,
    entries: &Entries,
) -> Result<Vec<String>> {
    let rows =
        "select profile_id::text || ' ' || post_id::text from feed.likes where post_id is not null";
    let stored: BTreeSet<String> = texts(database, rows).await?.into_iter().collect();
    let mut wrong = Vec::new();
    for (profile, post, likes) in &entries.likes {
        if stored.contains(&format!("{profile} {post}")) != *likes {
            wrong.push(format!(
                "I-3: {profile} and {post}: the last one said {likes}"
            ));
        }
        let count = stored.iter().filter(|it| it.ends_with(post)).count();
        let path = format!("/api/v1/posts/{post}");
        // A token: what is kept for readers without one may be some seconds old.
        let Some((reader, _)) = entries.kept.first() else {
            continue;
        };
        for edge in &entry.edges {
            let seen = edge.send(&Ask::get(&path).token(&reader.access)).await?;
            let seen = seen.json()["data"]["likesCount"].clone();
            if seen != count {
                wrong.push(format!("I-1: {post} shows {seen} likes and has {count}"));
            }
        }
    }
    Ok(wrong)
}

/// I-7: the last acknowledged name is the name.
async fn names(database: &mut PgConnection, entries: &Entries) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    for (profile, name) in &entries.names {
        let statement = "select display_name from profile.profiles where id::text = $1";
        let stored: String = sqlx::query_scalar(statement)
            .bind(profile)
            .fetch_one(&mut *database)
            .await?;
        if stored != *name {
            wrong.push(format!("I-7: {profile} is {stored} and was told {name}"));
        }
    }
    Ok(wrong)
}

/// I-12: who left is out at both edges, with either token.
///
/// # Errors
/// An edge does not answer.
pub async fn stays_out(entry: &Entry, session: &Session) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    for edge in &entry.edges {
        for ask in [
            Ask::get("/api/v1/auth/me").token(&session.access),
            refresh(&session.refresh),
        ] {
            let status = edge.send(&ask).await?.status;
            if status != 401 {
                wrong.push(format!("I-12: {} is answered {status}", session.email));
            }
        }
    }
    Ok(wrong)
}

/// I-13: the newest refresh token works; an ancestor before its parent ends the session, newest token included.
async fn family(entry: &Entry, session: &Session, tokens: &[String]) -> Result<Vec<String>> {
    let [ancestor, .., _, newest] = tokens else {
        return Ok(Vec::new());
    };
    let mut wrong = Vec::new();
    let mut expect = |what: &str, status: u16, wanted: u16| {
        if status != wanted {
            wrong.push(format!("I-13: {} of {}: {status}", what, session.email));
        }
    };
    let [one, other] = &entry.edges;
    let me = Ask::get("/api/v1/auth/me").token(&session.access);
    expect("the access token", one.send(&me).await?.status, 200);
    let next = one.send(&refresh(newest)).await?;
    expect("the newest token", next.status, 200);
    let replayed = other.send(&refresh(ancestor)).await?;
    expect("an ancestor", replayed.status, 401);
    let after = refresh(&next.text("refreshToken"));
    expect(
        "the successor after it",
        one.send(&after).await?.status,
        401,
    );
    Ok(wrong)
}

/// I-22: uses up what one client address may ask for codes, kills both edges, and asks again.
///
/// # Errors
/// A process does not answer or is not ready again.
pub async fn limits_outlive_edges(cluster: &mut Cluster) -> Result<Vec<String>> {
    let entry = cluster.entry.clone();
    let from = "192.0.2.22";
    let send =
        || Ask::post("/api/v1/auth/send-otp", &json!({"email": address("flood")})).from(from);
    let mut allowed = 0;
    while entry.edges[allowed % 2].send(&send()).await?.is_ok() {
        allowed += 1;
        anyhow::ensure!(allowed <= 100, "I-22: codes are sent without a limit");
    }
    for edge in ["edge-0", "edge-1"] {
        cluster.kill(edge).await?;
    }
    let mut wrong = Vec::new();
    for (nth, edge) in entry.edges.iter().enumerate() {
        let reply = edge.send(&send()).await?;
        if reply.status != 429 || !reply.headers.contains_key("retry-after") {
            wrong.push(format!("I-22: edge-{nth} answers {} again", reply.status));
        }
    }
    Ok(wrong)
}

/// The most connections each role of a service had at one moment, looked at every 20 ms.
///
/// # Errors
/// PostgreSQL does not answer.
pub async fn most_connections(
    database: &mut PgConnection,
    watch: Duration,
) -> Result<BTreeMap<String, i64>> {
    let statement = "select usename::text, count(*) from pg_stat_activity where usename like 'sf\\_%' group by usename";
    let began = Instant::now();
    let mut most: BTreeMap<String, i64> = BTreeMap::new();
    while began.elapsed() < watch {
        let rows: Vec<(String, i64)> = sqlx::query_as(statement).fetch_all(&mut *database).await?;
        for (role, count) in rows {
            let known = most.entry(role).or_default();
            *known = count.max(*known);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(most)
}
