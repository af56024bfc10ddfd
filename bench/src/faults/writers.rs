//! People who write while things break, and repeat what was not acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use http::Method;
use serde_json::json;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::journal::Journal;
use crate::deployment::{Ask, Entry, Reply, Session, post};

/// Pause before a request is repeated.
const AGAIN: Duration = Duration::from_millis(50);

/// How many people write posts.
const POSTERS: usize = 4;

/// The posts that are liked and unliked; few, so that likes meet.
const LIKED: usize = 3;

/// Writers at work.
#[derive(Debug)]
pub(super) struct Writers {
    pub(super) journal: Arc<Journal>,
    over: Arc<AtomicBool>,
    tasks: JoinSet<Result<()>>,
}

/// One of them.
#[derive(Debug, Clone)]
struct Writer {
    entry: Entry,
    journal: Arc<Journal>,
    over: Arc<AtomicBool>,
}

impl Writers {
    /// Signs everybody in and lets them begin.
    pub(super) async fn start(entry: &Entry) -> Result<Self> {
        let writer = Writer {
            entry: entry.clone(),
            journal: Arc::default(),
            over: Arc::default(),
        };
        let mut people = Vec::new();
        for nth in 0..POSTERS + 3 {
            people.push(entry.sign_in(nth % 2, &address("writer")).await?);
        }
        let mut liked = Vec::new();
        for nth in 0..LIKED {
            let ask = post(&format!("liked {nth}")).token(&people[0].access);
            liked.push(entry.edges[0].send(&ask).await?.with(201)?.text("id"));
        }
        let mut tasks = JoinSet::new();
        let mut people = people.into_iter();
        for session in people.by_ref().take(POSTERS) {
            let writer = writer.clone();
            tasks.spawn(async move { writer.posts(&session).await });
        }
        for session in people.by_ref().take(2) {
            let (writer, liked) = (writer.clone(), liked.clone());
            tasks.spawn(async move { writer.likes(&session, &liked).await });
        }
        for session in people {
            let writer = writer.clone();
            tasks.spawn(async move { writer.names(&session).await });
        }
        let sessions = writer.clone();
        tasks.spawn(async move { sessions.sessions().await });
        Ok(Self {
            journal: writer.journal,
            over: writer.over,
            tasks,
        })
    }

    /// Lets everybody finish what they are at.
    pub(super) async fn end(mut self) -> Result<Arc<Journal>> {
        self.over.store(true, Ordering::Relaxed);
        while let Some(done) = self.tasks.join_next().await {
            done??;
        }
        Ok(self.journal)
    }
}

impl Writer {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Sends one request, by turns to both edges, until it is decided: a success, or a refusal that no repetition changes.
    async fn persist(&self, ask: &Ask) -> Reply {
        let mut turn = usize::from(Uuid::new_v4().as_bytes()[0]);
        loop {
            turn += 1;
            if let Ok(reply) = self.entry.edges[turn % 2].send(ask).await {
                if reply.is_ok() {
                    self.journal.count();
                    return reply;
                }
                // 409: the first try with this key may still be at work.
                let passes = reply.status >= 500 || matches!(reply.status, 409 | 429);
                if !passes {
                    return reply;
                }
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// The same for what cannot be refused; what is, is noted.
    async fn acknowledged(&self, what: &str, ask: &Ask) -> Option<Reply> {
        let reply = self.persist(ask).await;
        if reply.is_ok() {
            return Some(reply);
        }
        let said = String::from_utf8_lossy(&reply.body);
        let wrong = format!("{what} was refused: {} {said}", reply.status);
        self.journal.note(|it| it.wrong.push(wrong));
        None
    }

    async fn posts(&self, session: &Session) -> Result<()> {
        while !self.is_over() {
            let content = format!("kept {}", Uuid::now_v7());
            let ask = post(&content).token(&session.access).key(Uuid::now_v7());
            if self.acknowledged("a post", &ask).await.is_some() {
                self.journal.note(|it| it.posts.push(content));
            }
        }
        Ok(())
    }

    /// One request after the other, so that the last one that was acknowledged decides.
    async fn likes(&self, session: &Session, liked: &[String]) -> Result<()> {
        let mut last = vec![None; liked.len()];
        while !self.is_over() {
            let dice = *Uuid::new_v4().as_bytes();
            let (nth, likes) = (
                usize::from(dice[0]) % liked.len(),
                !dice[1].is_multiple_of(3),
            );
            let method = if likes { Method::POST } else { Method::DELETE };
            let path = format!("/api/v1/posts/{}/like", liked[nth]);
            let ask = Ask::new(method, &path).token(&session.access);
            if self.acknowledged("a like", &ask).await.is_some() {
                last[nth] = Some(likes);
            }
        }
        self.journal.note(|it| {
            for (post, likes) in liked.iter().zip(last) {
                if let Some(likes) = likes {
                    it.likes
                        .push((session.profile.clone(), post.clone(), likes));
                }
            }
        });
        Ok(())
    }

    async fn names(&self, session: &Session) -> Result<()> {
        let mut last = None;
        let path = format!("/api/v1/profiles/{}", session.profile);
        while !self.is_over() {
            let name = format!("Name {}", Uuid::new_v4().simple());
            let ask = Ask::new(Method::PATCH, &path).json(&json!({"displayName": name}));
            let ask = ask.token(&session.access).key(Uuid::now_v7());
            if self.acknowledged("a name", &ask).await.is_some() {
                last = Some(name);
            }
        }
        let profile = session.profile.clone();
        self.journal
            .note(|it| it.names.extend(last.map(|name| (profile, name))));
        Ok(())
    }

    /// Signs in, refreshes, and by turns stays or leaves.
    async fn sessions(&self) -> Result<()> {
        let mut nth = 0;
        while !self.is_over() {
            let Some(session) = self.sign_in().await? else {
                continue;
            };
            self.code_is_spent(&session).await;
            let mut tokens = vec![session.refresh.clone()];
            for _ in 0..2 {
                let newest = tokens.last().cloned().unwrap_or_default();
                let ask = refresh(&newest).key(Uuid::now_v7());
                let Some(reply) = self.acknowledged("a refresh", &ask).await else {
                    break;
                };
                tokens.push(reply.text("refreshToken"));
            }
            nth += 1;
            if nth % 2 == 0 {
                self.journal.note(|it| it.kept.push((session, tokens)));
                continue;
            }
            let leave = Ask::post("/api/v1/auth/logout", &json!({})).token(&session.access);
            let reply = self.persist(&leave).await;
            // A try whose reply was lost ended the session: 401 says the same as 200.
            if reply.is_ok() || reply.status == 401 {
                self.journal.note(|it| it.left.push(session));
            }
        }
        Ok(())
    }

    /// Somebody new signs in; `None` when the code was lost with Redis.
    async fn sign_in(&self) -> Result<Option<Session>> {
        let email = address("visitor");
        let send = Ask::post("/api/v1/auth/send-otp", &json!({"email": email}));
        let sent = self.persist(&send.key(Uuid::now_v7())).await;
        if !sent.is_ok() {
            return Ok(None);
        }
        let code = self.entry.code(&email, "");
        let Ok(Ok(code)) = tokio::time::timeout(Duration::from_secs(20), code).await else {
            // The process that was to send the mail is the one that was killed; it leaves later, and nobody waits for it.
            return Ok(None);
        };
        let given = json!({"email": email, "code": code});
        let redeem = Ask::post("/api/v1/auth/verify-otp", &given).key(Uuid::now_v7());
        let reply = self.persist(&redeem).await;
        let is_in = reply.is_ok();
        Ok(is_in.then(|| Session::of(&email, code, &reply.json()["data"])))
    }

    /// I-14: the code that signed somebody in is good for nothing more.
    async fn code_is_spent(&self, session: &Session) {
        let given = json!({"email": session.email, "code": session.code});
        let redeem = Ask::post("/api/v1/auth/verify-otp", &given);
        if self.persist(&redeem).await.is_ok() {
            let wrong = format!("I-14: a code of {} was redeemed twice", session.email);
            self.journal.note(|it| it.wrong.push(wrong));
        }
    }
}

/// A request for the next pair of tokens.
pub(super) fn refresh(token: &str) -> Ask {
    Ask::post(
        "/api/v1/auth/refresh-token",
        &json!({"refreshToken": token}),
    )
}

/// An address nobody has.
pub(super) fn address(name: &str) -> String {
    format!("{name}-{}@example.com", Uuid::new_v4().simple())
}
