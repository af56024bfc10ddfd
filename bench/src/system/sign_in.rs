//! Signing in: a code asked for, read from the mail, and redeemed.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::json;
use tokio::task::JoinSet;

use super::stage::Stage;
use super::table::{Table, median, spread};
use super::{CLIENTS, Options, bare};
use crate::deployment::{Ask, Door};

/// Pause between two looks into the inbox.
const LOOK: Duration = Duration::from_millis(10);

/// Compares with the bare statements. Mails wait for a queue that is looked at by its own clock, so latency is no figure.
///
/// # Errors
/// Somebody cannot sign in.
pub(super) async fn measure(stage: &Stage, options: &Options) -> Result<()> {
    let people = stage.people().await?;
    let mut emails = people.into_iter().map(|it| it.email).collect::<Vec<_>>();
    let mut used = HashMap::new();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        ours.push(round(stage, options.time(), &mut emails, &mut used).await?);
        theirs.push(bare::per_second(stage, bare::SIGN_IN, options.time()).await?);
    }
    let ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(a, b)| a / b).collect();
    let columns = ["what", "a second", "bare, a second", "ratio", "rounds"];
    let mut table = Table::new("Signing in, mail included", &columns);
    table.row([
        "send-otp and verify-otp".to_owned(),
        format!("{:.0}", median(&ours)),
        format!("{:.0}", median(&theirs)),
        format!("{:.3}", median(&ratios)),
        spread(&ratios),
    ]);
    table.print();
    Ok(())
}

/// Signs people in for this long; returns how many a second. Nobody signs in twice while there are others; whoever does
/// has `used` a code before, whose mail is still in the inbox.
async fn round(
    stage: &Stage,
    time: Duration,
    emails: &mut [String],
    used: &mut HashMap<String, String>,
) -> Result<f64> {
    let began = Instant::now();
    let share = (emails.len() / CLIENTS).max(1);
    let mut workers = JoinSet::new();
    for mine in emails.chunks(share).take(CLIENTS) {
        let old = |email: &String| (email.clone(), used.get(email).cloned());
        let (door, mine) = (stage.door.clone(), mine.iter().map(old).collect::<Vec<_>>());
        workers.spawn(async move {
            let mut done = Vec::new();
            for (email, old) in mine {
                if began.elapsed() >= time {
                    break;
                }
                let code = sign_in(&door, &email, old.as_deref()).await;
                let code = code.with_context(|| email.clone())?;
                done.push((email, code));
            }
            Ok::<_, anyhow::Error>(done)
        });
    }
    let mut done = 0;
    while let Some(worker) = workers.join_next().await {
        let signed_in = worker??;
        done += signed_in.len();
        used.extend(signed_in);
    }
    let third = emails.len() / 3;
    emails.rotate_left(third);
    Ok(done as f64 / began.elapsed().as_secs_f64())
}

/// Signs somebody in who may have used an `old` code before; returns the code.
async fn sign_in(door: &Door, email: &str, old: Option<&str>) -> Result<String> {
    let ask = Ask::post("/api/v1/auth/send-otp", &json!({"email": email}));
    door.send(&ask).await?.with(200)?;
    let code = code(door, email, old).await?;
    let body = json!({"email": email, "code": code});
    let ask = Ask::post("/api/v1/auth/verify-otp", &body);
    door.send(&ask).await?.with(200)?;
    Ok(code)
}

/// The code of the newest mail to this address, once it is not the old one.
async fn code(door: &Door, email: &str, old: Option<&str>) -> Result<String> {
    loop {
        let path = format!("/dev/inbox.json?to={email}&limit=1");
        let reply = door.send(&Ask::get(&path)).await?.with(200)?;
        let said = String::from_utf8_lossy(&reply.body).into_owned();
        let words = said.split(|letter: char| !letter.is_ascii_alphanumeric());
        let is_code = |word: &&str| word.len() == 6 && word.bytes().all(|it| it.is_ascii_digit());
        if let Some(code) = words
            .into_iter()
            .find(is_code)
            .filter(|it| old != Some(*it))
        {
            return Ok(code.to_owned());
        }
        tokio::time::sleep(LOOK).await;
    }
}
