//! The mail queue at work: rows leave by SMTP, with back-off until they expire (AU-3, AU-17).

use std::sync::Arc;
use std::time::Duration;

use ::store::Tx;
use chassis::Shutdown;
use fault::{Fault, Result};
use futures_util::future::join_all;
use uuid::Uuid;

use super::App;
use crate::domain::code::Purpose;
use crate::domain::mail::Letter;
use crate::metrics;
use crate::smtp::{Failure, Post};
use crate::store;
use crate::store::code::Codes;
use crate::store::mail::Queued;

/// Mails sent side by side.
const AT_ONCE: u64 = 16;
/// After this time a claimed mail is due again: its sender died.
const LEASE: Duration = Duration::from_secs(60);
/// How often the queue is looked at when nobody says that there is something: what another process left behind.
const LOOK: Duration = Duration::from_secs(2);
/// The pause after trouble, and while another process has what is due.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

impl App {
    /// Queues a mail in a transaction; see [`App::wake_mail_after`].
    pub(super) async fn queue_mail(
        &self,
        tx: &mut Tx,
        to: &str,
        letter: &Letter,
        lifetime: Duration,
    ) -> Result<()> {
        let id = Uuid::now_v7();
        let now = store::clock(&**tx).await?;
        let params = serde_json::to_vec(letter).map_err(Fault::internal)?;
        let mail = Queued {
            id,
            to: self.seal(id, b"to", to.as_bytes())?,
            params: self.seal(id, b"params", &params)?,
            tries: 0,
        };
        store::mail::enqueue(&**tx, mail, letter.template(), now, now + lifetime).await
    }

    /// Tells the mail task that something was queued, once that is committed.
    pub(super) fn wake_mail_after(&self, tx: &Tx) {
        let waiting = Arc::clone(&self.mail_waiting);
        tx.after_commit(move || waiting.notify_one());
    }

    fn seal(&self, id: Uuid, column: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
        let context = [id.as_bytes(), column].concat();
        self.secrets
            .mail
            .seal(&context, plain)
            .map_err(Fault::internal)
    }

    fn open(&self, mail: &Queued) -> Result<(String, Letter)> {
        let open = |column: &[u8], sealed: &[u8]| {
            let context = [mail.id.as_bytes(), column].concat();
            self.secrets
                .mail
                .open(&context, sealed)
                .map_err(Fault::internal)
        };
        let to = String::from_utf8(open(b"to", &mail.to)?).map_err(Fault::internal)?;
        let letter =
            serde_json::from_slice(&open(b"params", &mail.params)?).map_err(Fault::internal)?;
        Ok((to, letter))
    }

    /// Sends what is queued until asked to stop; what is being sent then is finished.
    pub(crate) async fn send_mail(self: Arc<Self>, post: Arc<Post>, stop: Shutdown) {
        while !stop.is_begun() {
            let wait = self.send_or_wait(&post).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "the mail queue could not be read");
                PAUSE
            });
            tokio::select! {
                biased;
                () = stop.begun() => {}
                () = self.mail_waiting.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Sends what is due; returns how long to wait before the next look.
    async fn send_or_wait(&self, post: &Post) -> Result<Duration> {
        match store::mail::due_in(self.db.connection()).await? {
            None => Ok(LOOK),
            Some(wait) if !wait.is_zero() => Ok(wait.min(LOOK)),
            Some(_) if self.send_due(post).await? > 0 => Ok(Duration::ZERO),
            Some(_) => Ok(PAUSE),
        }
    }

    async fn send_due(&self, post: &Post) -> Result<usize> {
        let db = self.db.connection();
        for mail in store::mail::expired(db).await? {
            self.give_up(&mail, "expired").await;
        }
        let due = store::mail::claim(db, AT_ONCE, LEASE).await?;
        let outcomes = join_all(due.iter().map(|mail| self.send_one(post, mail))).await;
        outcomes.into_iter().collect::<Result<Vec<()>>>()?;
        Ok(due.len())
    }

    async fn send_one(&self, post: &Post, mail: &Queued) -> Result<()> {
        let db = self.db.connection();
        let outcome = match self.open(mail) {
            Ok((to, letter)) => post.send(mail.id, &to, &letter).await,
            Err(error) => Err(Failure::Final(error.to_string())),
        };
        match outcome {
            Ok(()) => {
                store::mail::remove(db, mail.id).await?;
                metrics::mail("delivered", mail.waited());
            }
            Err(Failure::Final(reason)) => {
                tracing::warn!(reason, mail = %mail.id, "a mail was refused");
                store::mail::remove(db, mail.id).await?;
                self.give_up(mail, "refused").await;
            }
            Err(Failure::Passing(reason)) => {
                tracing::warn!(reason, mail = %mail.id, tries = mail.tries, "a mail could not be handed over");
                store::mail::postpone(db, mail.id, wait(mail.tries)).await?;
            }
        }
        Ok(())
    }

    /// A mail will not arrive: the address gets its send back, its sender's network does not (AU-3).
    async fn give_up(&self, mail: &Queued, outcome: &'static str) {
        metrics::mail(outcome, mail.waited());
        let Ok((to, Letter::SignInCode { send, .. })) = self.open(mail) else {
            tracing::error!(mail = %mail.id, "a mail in the queue cannot be opened with today's key");
            return;
        };
        let tag = self.address_tag(&to);
        let codes = Codes::of(&self.redis, &tag, Purpose::SignIn);
        if let Err(error) = codes.give_back(send).await {
            tracing::warn!(%error, mail = %mail.id, "a send could not be given back");
        }
    }
}

/// 1, 2, 4 … 30 s.
fn wait(tries: i32) -> Duration {
    let doublings = u32::try_from(tries.saturating_sub(1)).unwrap_or(0).min(5);
    Duration::from_secs(1 << doublings).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn au_17_waits_double_up_to_half_a_minute() {
        let waits: Vec<u64> = (0..9).map(|tries| wait(tries).as_secs()).collect();
        assert_eq!(waits, [1, 1, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(wait(i32::MAX), LONGEST_WAIT);
        assert_eq!(wait(i32::MIN), Duration::from_secs(1));
    }
}
