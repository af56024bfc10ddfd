//! How statements are carried out (K-12): the plans PostgreSQL used for what the services asked, as it logs them.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use http::Method;
use serde_json::{Value, json};
use sqlx::Row as _;
use uuid::Uuid;

use super::stage::{Person, Stage};
use crate::deployment::{Ask, until};

/// A table with more rows is not to be read from its beginning.
const BIG: f64 = 5_000.0;
/// Rows one step of a plan may read for one request: the total of a list counts to 1001.
const MOST: f64 = 3_000.0;
/// The longest log that is read at once, in bytes.
const LOG: i64 = 1 << 28;

/// A statement that was run, and how.
#[derive(Clone, Debug)]
pub struct Statement {
    /// Its text.
    pub text: String,
    /// How long it took, in milliseconds.
    pub took: f64,
    plan: Value,
}

/// What one step of a plan read from a table.
#[derive(Clone, Debug)]
struct Read {
    table: String,
    whole: bool,
    rows: f64,
}

/// The log of plans.
#[derive(Debug)]
pub struct Plans<'a> {
    stage: &'a Stage,
    from: i64,
}

impl<'a> Plans<'a> {
    /// Has plans logged from now on.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn begin(stage: &'a Stage) -> Result<Self> {
        let mut plans = Self { stage, from: 0 };
        plans.log(0).await?;
        plans.taken().await?;
        Ok(plans)
    }

    /// Ends it.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn end(self) -> Result<()> {
        self.log(-1).await
    }

    async fn log(&self, min_duration: i32) -> Result<()> {
        let set = format!(
            "alter system set auto_explain.log_min_duration = {min_duration};\nselect pg_reload_conf();\n"
        );
        self.stage.run(&set).await?;
        let set = async || {
            let there = "select (current_setting('auto_explain.log_min_duration') = $1)::int";
            let there = sqlx::query_scalar::<_, i32>(there)
                .bind(if min_duration < 0 { "-1" } else { "0" })
                .fetch_one(&self.stage.sql)
                .await?;
            Ok(there == 1)
        };
        until("the log is set", set).await.map(drop)
    }

    /// What feed's statements did since the last look.
    ///
    /// # Errors
    /// The log cannot be read.
    pub async fn taken(&mut self) -> Result<Vec<Statement>> {
        // When this is in the log, everything before is.
        let mark = Uuid::new_v4().to_string();
        let marked = format!("select '{mark}'");
        self.stage.run(&marked).await?;
        let mut text = String::new();
        let (stage, from) = (self.stage, self.from);
        until("the log is written", async || {
            let read = "select pg_read_file(pg_current_logfile('jsonlog'), $1, $2)";
            let read = sqlx::query(read).bind(from).bind(LOG);
            text = read.fetch_one(&stage.sql).await?.try_get(0)?;
            Ok(text.contains(&mark) && text.ends_with('\n'))
        })
        .await?;
        self.from += i64::try_from(text.len())?;
        Ok(text
            .lines()
            .filter_map(|line| Statement::of(&serde_json::from_str(line).ok()?))
            .collect())
    }
}

impl Statement {
    fn of(line: &Value) -> Option<Self> {
        if line["user"].as_str()? != "sf_feed" {
            return None;
        }
        let (took, plan) = line["message"]
            .as_str()?
            .strip_prefix("duration: ")?
            .split_once(" ms  plan:\n")?;
        let plan: Value = serde_json::from_str(plan).ok()?;
        Some(Self {
            text: plan["Query Text"].as_str()?.to_owned(),
            took: took.parse().ok()?,
            plan: plan["Plan"].clone(),
        })
    }

    /// Whether a request asked for it: not what goes on all the time.
    #[must_use]
    pub fn is_of_request(&self) -> bool {
        ![
            "from outbox",
            "update outbox",
            "job_runs",
            "dead_letters",
            "idempotency_keys",
            "post_views",
            "inbox",
            "'scheduled'",
            "set_config",
        ]
        .iter()
        .any(|background| self.text.contains(background))
    }

    /// What is wrong with its plan: a big table read from its beginning, or too many rows.
    fn complaints(&self, sizes: &BTreeMap<String, f64>) -> Vec<String> {
        let mut reads = Vec::new();
        collect(&self.plan, &mut reads);
        let complaint = |read: &Read| {
            let size = sizes.get(&read.table).copied().unwrap_or_default();
            let Read { table, rows, .. } = read;
            if read.whole && size > BIG {
                return Some(format!("reads {table} from its beginning ({rows} rows)"));
            }
            (*rows > MOST).then(|| format!("reads {rows} rows of {table}"))
        };
        reads.iter().filter_map(complaint).collect()
    }
}

fn collect(node: &Value, into: &mut Vec<Read>) {
    let number = |name: &str| node[name].as_f64().unwrap_or_default();
    if let Some(table) = node["Relation Name"].as_str() {
        let loops = number("Actual Loops");
        let each = number("Actual Rows")
            + number("Rows Removed by Filter")
            + number("Rows Removed by Index Recheck");
        into.push(Read {
            table: table.to_owned(),
            whole: node["Node Type"] == "Seq Scan" && loops > 0.0,
            rows: each * loops,
        });
    }
    for part in node["Plans"].as_array().into_iter().flatten() {
        collect(part, into);
    }
}

/// A request whose statements are looked at.
#[derive(Clone, Debug)]
pub struct Hot {
    /// What it is.
    pub name: &'static str,
    ask: Ask,
    status: u16,
}

/// What the feed is asked most, by somebody, about a post.
///
/// # Errors
/// There is no such token.
pub fn hot(stage: &Stage, person: &Person, post: Uuid, author: Uuid) -> Result<Vec<Hot>> {
    let token = stage.token(person)?;
    let of = |name, method: Method, path: String, status| Hot {
        name,
        ask: Ask::new(method, &path).token(&token),
        status,
    };
    let get = |name, path: String| of(name, Method::GET, path, 200);
    let write = |name, path: String, body: &Value| Hot {
        name,
        ask: Ask::post(&path, body).token(&token),
        status: 201,
    };
    let one = format!("/api/v1/posts/{post}");
    Ok(vec![
        get("feed", "/api/v1/feed?limit=20".into()),
        get("feed, page 5", "/api/v1/feed?limit=20&page=5".into()),
        get("feed, by cursor", "/api/v1/feed?limit=20&cursor=".into()),
        get(
            "feed of a type",
            "/api/v1/feed?limit=20&type=project".into(),
        ),
        get(
            "feed of an author",
            format!("/api/v1/feed?limit=20&authorId={author}"),
        ),
        get("feed, own posts", "/api/v1/feed?limit=20&tab=mine".into()),
        get(
            "feed of connections",
            "/api/v1/feed?limit=20&tab=connections".into(),
        ),
        get("post", one.clone()),
        get("comments", format!("{one}/comments")),
        get("comments, flat", format!("{one}/comments?view=flat")),
        of("like", Method::POST, format!("{one}/like"), 200),
        of("unlike", Method::DELETE, format!("{one}/like"), 200),
        write(
            "comment",
            format!("{one}/comments"),
            &json!({"content": "Well said."}),
        ),
        write(
            "new post",
            "/api/v1/posts".into(),
            &json!({"type": "general", "content": "Something new.", "tags": ["energy"]}),
        ),
    ])
}

/// Sends every hot request and returns what is wrong with the plans of its statements, and how many of those were seen.
///
/// # Errors
/// A request fails, or no statement of it was seen.
pub async fn check(stage: &Stage) -> Result<(Vec<String>, usize)> {
    let people = stage.people().await?;
    let posts = stage.posts().await?;
    let person = people.get(7).context("too few people")?;
    // Somebody busy: the author of the newest post.
    let author: Uuid = sqlx::query_scalar("select profile_id from feed.posts where id = $1")
        .bind(posts.first())
        .fetch_one(&stage.sql)
        .await?;
    let sizes: Vec<(String, f32)> = sqlx::query_as(
        "select relname::text, reltuples from pg_class where relnamespace = 'feed'::regnamespace and relkind = 'r'",
    )
    .fetch_all(&stage.sql)
    .await?;
    let sizes: BTreeMap<String, f64> = sizes
        .into_iter()
        .map(|(table, rows)| (table, f64::from(rows)))
        .collect();
    let mut plans = Plans::begin(stage).await?;
    let (mut complaints, mut seen) = (Vec::new(), 0);
    for hot in hot(stage, person, posts[0], author)? {
        let sent = stage.ask(hot.ask, hot.status).await;
        sent.with_context(|| hot.name.to_owned())?;
        let taken = plans.taken().await?;
        let asked: Vec<_> = taken.iter().filter(|it| it.is_of_request()).collect();
        anyhow::ensure!(!asked.is_empty(), "{}: no statement was seen", hot.name);
        seen += asked.len();
        for statement in asked {
            for complaint in statement.complaints(&sizes) {
                let text: String = statement.text.chars().take(120).collect();
                complaints.push(format!("{}: {complaint}: {text}", hot.name));
            }
        }
    }
    plans.end().await?;
    Ok((complaints, seen))
}
