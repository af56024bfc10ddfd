//! The bare SQL statements of the same work, run by pgbench: 32 clients, prepared, straight to PostgreSQL.
//!
//! They are what the work cannot do without: no visibility, no deadline, no event for the relay to carry (the row of the
//! outbox is written as published). The numbers choose among the tables of the sample.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

use super::CLIENTS;
use super::stage::Stage;

/// A post with its counters and its author.
pub(super) const POST: &str = "\\set n random(1, :posts)
select p.*, s.likes, s.comments, s.views, r.display_name, r.username, r.avatar_url, r.profile_type, r.headline, r.location
from feed.posts p join feed.post_stats s on s.post_id = p.id join feed.profile_ref r on r.profile_id = p.profile_id
where p.id = (select id from bench.posts where n = :n) and p.status = 'published' and p.deleted_at is null;
";

/// The newest 20 posts (and whether there are more) with counters, authors, and whether somebody likes them.
pub(super) const FEED: &str = "\\set m random(1, :people)
select p.*, s.likes, s.comments, s.views, r.display_name, r.username, r.avatar_url, r.profile_type, r.headline, r.location,
  exists (select from feed.likes l where l.post_id = p.id and l.profile_id = (select profile_id from bench.people where n = :m))
from (select * from feed.posts where status = 'published' and deleted_at is null
  order by published_at desc, id desc limit 21) p
join feed.post_stats s on s.post_id = p.id join feed.profile_ref r on r.profile_id = p.profile_id
order by p.published_at desc, p.id desc;
";

/// The row of the like, the row of the outbox, the counter.
pub(super) const LIKE: &str = "\\set n random(1, :posts)
\\set m random(1, :people)
begin;
insert into feed.likes (id, profile_id, account_id, likeable_type, post_id, is_guarded)
  select gen_random_uuid(), p.profile_id, p.account_id, 'post', q.id, false from bench.people p, bench.posts q
  where p.n = :m and q.n = :n on conflict (profile_id, post_id) do nothing;
insert into feed.outbox (id, aggregate_id, aggregate_version, type, payload, headers, published_at)
  select gen_random_uuid(), id, 1, 'bare', convert_to(repeat('x', 160), 'UTF8'),
    '{\"version\":1,\"actor_account_id\":\"00000000-0000-7000-8000-000000000000\",\"correlation_id\":\"00000000000000000000\"}', now()
  from bench.posts where n = :n;
update feed.post_stats set likes = likes + 1 where post_id = (select id from bench.posts where n = :n);
commit;
";

/// The row of the comment, of its counters, of the outbox, the counter of the post.
pub(super) const COMMENT: &str = "\\set n random(1, :posts)
\\set m random(1, :people)
begin;
with said as (insert into feed.comments (post_id, profile_id, account_id, depth, content)
  select q.id, p.profile_id, p.account_id, 1, 'Well said.' from bench.people p, bench.posts q where p.n = :m and q.n = :n
  returning id) insert into feed.comment_stats (comment_id) select id from said;
insert into feed.outbox (id, aggregate_id, aggregate_version, type, payload, headers, published_at)
  select gen_random_uuid(), id, 1, 'bare', convert_to(repeat('x', 260), 'UTF8'),
    '{\"version\":1,\"actor_account_id\":\"00000000-0000-7000-8000-000000000000\",\"correlation_id\":\"00000000000000000000\"}', now()
  from bench.posts where n = :n;
update feed.post_stats set comments = comments + 1 where post_id = (select id from bench.posts where n = :n);
commit;
";

/// A code asked for (mail queued, noted, and taken from the queue) and redeemed (account, session, first refresh token).
pub(super) const SIGN_IN: &str = "\\set m random(1, :people)
begin;
insert into account.mail_queue (id, to_enc, template, params_enc, next_try_at, expires_at)
  values (gen_random_uuid(), '\\x00', 'bare', convert_to(repeat('x', 100), 'UTF8'), now() + interval '1 day', now() + interval '1 day');
insert into account.audit_log (id, action, account_id, outcome)
  select gen_random_uuid(), 'otp_sent', account_id, 'ok' from bench.people where n = :m;
commit;
begin;
select * from account.user_accounts where id = (select account_id from bench.people where n = :m) for no key update;
insert into account.audit_log (id, action, account_id, outcome)
  select gen_random_uuid(), 'otp_verified', account_id, 'ok' from bench.people where n = :m;
update account.user_accounts set last_login_at = now(), version = version + 1
  where id = (select account_id from bench.people where n = :m);
select * from account.account_profiles where account_id = (select account_id from bench.people where n = :m);
with made as (insert into account.sessions (account_id, active_profile_id, last_activity_at, expires_at, absolute_expires_at)
  select account_id, profile_id, now(), now() + interval '7 days', now() + interval '30 days' from bench.people where n = :m
  returning id) insert into account.refresh_tokens (id, session_id, jti_hash, generation, issued_at, expires_at)
  select gen_random_uuid(), id, sha256(id::text::bytea), 0, now(), now() + interval '7 days' from made;
insert into account.audit_log (id, action, account_id, outcome)
  select gen_random_uuid(), 'signed_in', account_id, 'ok' from bench.people where n = :m;
commit;
";

/// Runs a script for this long and returns how often it was run in a second.
///
/// # Errors
/// pgbench is not there, or the database refuses.
pub(super) async fn per_second(stage: &Stage, script: &str, time: Duration) -> Result<f64> {
    let posts = stage.number("select count(*) from bench.posts").await?;
    let people = stage.number("select count(*) from bench.people").await?;
    let file = std::env::temp_dir().join(format!("sf-bare-{}.sql", std::process::id()));
    std::fs::write(&file, script)?;
    let output = Command::new("pgbench")
        .args(["--no-vacuum", "--protocol=prepared", "--jobs=2"])
        .arg(format!("--client={CLIENTS}"))
        .arg(format!("--time={}", time.as_secs().max(1)))
        .args(["-D", &format!("posts={posts}")])
        .args(["-D", &format!("people={people}")])
        .arg("--file")
        .arg(&file)
        .arg(&stage.url)
        .output()
        .await
        .context("pgbench")?;
    std::fs::remove_file(&file)?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "pgbench: {said}");
    let said = String::from_utf8_lossy(&output.stdout);
    let line = said.lines().find_map(|line| line.strip_prefix("tps = "));
    let tps = line.and_then(|line| line.split(' ').next());
    Ok(tps.context("pgbench says no tps")?.parse()?)
}
