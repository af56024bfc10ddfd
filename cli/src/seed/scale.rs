//! A community of any size, for measurements: made by statements over the services' own tables.
//!
//! The services' RPCs would take hours for a million posts, so the rows are written as the services would have left
//! them: counters equal the rows they count, every projection has its row in the version its owner has. No events are
//! written: what they would bring about is there already, and a million of them would keep the relays and Redis busy
//! with nothing. Nor do streams tell of these posts.
//!
//! Post n is the same whatever the size asked for, and numbers count from the newest post. So a larger community
//! continues a smaller one into the past, and the first pages of their feeds are equal. What is there stays; how far a run
//! came is kept with its rows, so that one that was stopped goes on where it was.

use anyhow::{Context as _, Result, ensure};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend,
    Statement, TransactionTrait, Value,
};
use time::OffsetDateTime;

use super::community::{Community, Words};
use crate::migrate;
use crate::settings::Settings;
use crate::up::say;

/// Most posts the community can have.
pub const MOST: u64 = 5_000_000;

/// Posts made in one transaction.
const BATCH: i64 = 10_000;
/// Where it is kept how far the community is.
const JOB: &str = "seed.scale";

const FUNCTIONS: &str = include_str!("scale/functions.sql");
const PEOPLE: &str = include_str!("scale/people.sql");
const POSTS: &str = include_str!("scale/posts.sql");
const LIKES: &str = include_str!("scale/likes.sql");
const COMMENTS: &str = include_str!("scale/comments.sql");
const COUNTS: &str = include_str!("scale/counts.sql");

/// The tables whose statistics the planner needs, once they have grown.
const GROWN: &str = "vacuum (analyze) account.user_accounts, account.account_settings, account.account_profiles, \
  profile.profiles, profile.profile_private, profile.profile_metadata, profile.profile_stats, \
  feed.profile_ref, feed.posts, feed.post_stats, feed.comments, feed.comment_stats, feed.likes";

/// The community as it is kept.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Posts there are.
    posts: i64,
    /// When the newest was published.
    newest: OffsetDateTime,
}

/// The address of the community's person number `number`, to sign in with: any from 0 to [`people`] of its size.
#[must_use]
pub fn email(number: u64) -> String {
    format!("scale.{number}@scale.smilefactory.example")
}

/// How many people a community of so many posts has.
#[must_use]
pub const fn people(posts: u64) -> u64 {
    20 + posts / 20
}

/// Brings the community in the database at `url`, which must be migrated, to this many posts and says after every step
/// how many there are; returns how many it made. The database's user must be the one that migrated.
///
/// # Errors
/// When `posts` is above [`MOST`], or the database refuses.
pub async fn grow(url: &str, posts: u64, mut told: impl FnMut(u64) + Send) -> Result<u64> {
    ensure!(
        posts <= MOST,
        "a community has at most {MOST} posts, not {posts}"
    );
    let wanted = i64::try_from(posts)?;
    let words = Community::read()?.words();
    let owner = connect(url).await?;
    owner.execute_unprepared(FUNCTIONS).await?;
    let mut made = 0;
    while let Some(posts) = step(&owner, &words, wanted, &mut made).await? {
        told(posts);
    }
    if made > 0 {
        owner.execute_unprepared(GROWN).await?;
    }
    owner.close().await?;
    Ok(made)
}

/// One connection: the functions belong to its session.
async fn connect(url: &str) -> Result<DatabaseConnection> {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(1)
        .sqlx_logging(false)
        .set_application_name("seed".to_owned());
    Database::connect(options)
        .await
        .context("connecting to the database")
}

/// Makes the next posts, and the people they need, and returns how many posts there are then; nothing when there are
/// enough. Another run that works at the same time waits, and goes on from what this one left.
async fn step(
    owner: &DatabaseConnection,
    words: &Words,
    wanted: i64,
    made: &mut u64,
) -> Result<Option<u64>> {
    let tx = owner.begin().await?;
    // The planner thinks more rows will come than do, and would compile for seconds what runs for a moment.
    tx.execute_unprepared("set local jit = off").await?;
    let place = place(&tx).await?;
    let to = wanted.min(place.posts + BATCH);
    if to <= place.posts {
        tx.rollback().await?;
        return Ok(None);
    }
    write(&tx, words, place, to)
        .await
        .with_context(|| format!("making the posts {}..{to}", place.posts))?;
    tx.commit().await?;
    *made += u64::try_from(to - place.posts)?;
    Ok(Some(u64::try_from(to)?))
}

/// Where the community is, locked until the transaction ends.
async fn place(tx: &DatabaseTransaction) -> Result<Place> {
    let begin = "insert into feed.job_runs (job, state) values ($1, jsonb_build_object('posts', 0, 'newest', now()))
      on conflict (job, key) do nothing";
    run(tx, begin, vec![JOB.into()]).await?;
    let read =
        "select (state ->> 'posts')::bigint as posts, (state ->> 'newest')::timestamptz as newest
      from feed.job_runs where job = $1 and key = '' for update";
    let row = tx
        .query_one_raw(statement(read, vec![JOB.into()]))
        .await?
        .context("the community's place vanished")?;
    Ok(Place {
        posts: row.try_get("", "posts")?,
        newest: row.try_get("", "newest")?,
    })
}

/// The posts from where the community is up to `to`, with everything around them.
async fn write(tx: &DatabaseTransaction, words: &Words, place: Place, to: i64) -> Result<()> {
    let texts = |list: &[String]| Value::from(list.to_vec());
    let newest = Value::from(place.newest);
    // Nobody is there before the first post; later there are those of the posts there are.
    let (here, there) = match place.posts {
        0 => (0, people_of(to)?),
        posts => (people_of(posts)?, people_of(to)?),
    };
    let people = vec![
        here.into(),
        there.into(),
        newest.clone(),
        texts(&words.first_names),
        texts(&words.last_names),
        texts(&words.headlines),
        texts(&words.locations),
        texts(&words.topics),
    ];
    run(tx, PEOPLE, people).await?;
    let span = || vec![place.posts.into(), to.into()];
    let dated = || [span(), vec![newest.clone()]].concat();
    let posts = vec![texts(&words.posts), texts(&words.topics)];
    run(tx, POSTS, [dated(), posts].concat()).await?;
    run(tx, LIKES, dated()).await?;
    let comments = vec![texts(&words.comments)];
    run(tx, COMMENTS, [dated(), comments].concat()).await?;
    run(tx, COUNTS, span()).await?;
    let keep = "update feed.job_runs set state = state || jsonb_build_object('posts', $2::bigint), last_ok_at = now()
      where job = $1 and key = ''";
    run(tx, keep, vec![JOB.into(), to.into()]).await
}

fn people_of(posts: i64) -> Result<i64> {
    Ok(i64::try_from(people(u64::try_from(posts)?))?)
}

fn statement(sql: &str, values: Vec<Value>) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}

async fn run(tx: &DatabaseTransaction, sql: &str, values: Vec<Value>) -> Result<()> {
    tx.execute_raw(statement(sql, values)).await?;
    Ok(())
}

/// `smilefactory seed --scale`: migrates the database and brings the community to this many posts. Neither Redis nor the
/// services are needed.
///
/// # Errors
/// See [`grow`].
pub async fn command(settings: &Settings, posts: u64) -> Result<()> {
    telemetry::init(&settings.log)?;
    migration::up(&migrate::target(settings))
        .await
        .context("migrating the database")?;
    let url = settings.database.url.expose();
    let made = grow(url, posts, |there| {
        if there % 100_000 == 0 {
            say(&format!("{there} posts"));
        }
    })
    .await?;
    say(&format!(
        "made {made} posts; {} people, the first signs in as {}",
        people(posts),
        email(0)
    ));
    Ok(())
}
