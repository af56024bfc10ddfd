//! `smilefactory events`: what operators do about events that did not come to their effect.

use std::io::Write;

use ::events::Letter;
use anyhow::{Context as _, Result, bail, ensure};
use chassis::HostConfig;
use clap::Subcommand;
use clap::builder::PossibleValuesParser;
use store::Db;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// What to do about events.
#[derive(Clone, Debug, Subcommand)]
pub enum Action {
    /// Lists dead letters: events a service could not handle in five tries. What they say is not shown.
    Dead {
        /// Only those of this consuming service.
        #[arg(long, value_parser = services())]
        service: Option<String>,
    },
    /// Gives dead letters five new tries, the first at once; the running service makes them.
    Replay {
        /// The letter, as `dead` lists it.
        #[arg(required_unless_present = "all")]
        id: Option<Uuid>,
        /// Every dead letter.
        #[arg(long, conflicts_with = "id")]
        all: bool,
        /// Only those of this consuming service.
        #[arg(long, value_parser = services())]
        service: Option<String>,
    },
    /// Has the kept events of a service published again (7 days are kept); services that had one do nothing.
    Republish {
        /// The service that published them.
        #[arg(long, value_parser = services())]
        service: String,
        /// Only events since then, such as 2026-11-23T02:00:00Z; all that are kept when absent.
        #[arg(long, value_name = "TIME", value_parser = moment)]
        since: Option<OffsetDateTime>,
    },
}

fn services() -> PossibleValuesParser {
    PossibleValuesParser::new(migration::SERVICES)
}

fn moment(text: &str) -> std::result::Result<OffsetDateTime, String> {
    OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|_| "must be a time with its offset, such as 2026-11-23T02:00:00Z".to_owned())
}

/// Runs the command and writes what came of it.
///
/// # Errors
/// When settings are missing, the database refuses, there is no such dead letter, or `out` cannot be written.
pub async fn command(host: &HostConfig, action: Action, out: &mut impl Write) -> Result<()> {
    ensure!(
        !host.database.url.is_unset(),
        "database.url is not set (DATABASE_URL)"
    );
    ensure!(
        !host.secret.is_unset() || !host.database.role_secret.is_unset(),
        "neither secret nor database.role_secret is set (SF__SECRET): the services' roles get their passwords from it"
    );
    match action {
        Action::Dead { service } => dead(host, service, out).await,
        Action::Replay {
            id: Some(id),
            service,
            ..
        } => replay_one(host, service, id, out).await,
        Action::Replay {
            id: None, service, ..
        } => replay_all(host, service, out).await,
        Action::Republish { service, since } => republish(host, &service, since, out).await,
    }
}

async fn dead(host: &HostConfig, service: Option<String>, out: &mut impl Write) -> Result<()> {
    let mut letters = Vec::new();
    for service in chosen(service) {
        let found = ::events::list_dead_letters(&connect(host, &service).await?).await;
        letters.extend(found.with_context(|| format!("reading the dead letters of {service}"))?);
    }
    if letters.is_empty() {
        writeln!(out, "no dead letters")?;
        return Ok(());
    }
    writeln!(
        out,
        "{:<36}  {:<12}  {:<5}  {:<20}  {:<20}  {:<36}  TYPE: CAUSE",
        "ID", "SERVICE", "TRIES", "FIRST FAILED", "LAST FAILED", "EVENT"
    )?;
    for letter in &letters {
        writeln!(out, "{}", line(letter)?)?;
    }
    Ok(())
}

/// One letter in one line, whatever its cause says.
fn line(letter: &Letter) -> Result<String> {
    let cause: String = letter
        .cause
        .chars()
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect();
    Ok(format!(
        "{:<36}  {:<12}  {:<5}  {:<20}  {:<20}  {:<36}  {}: {cause}",
        letter.id,
        letter.consumer,
        letter.tries,
        at(letter.first_failed_at)?,
        at(letter.last_failed_at)?,
        letter.event,
        letter.type_name,
    ))
}

/// A time to the second, in UTC.
fn at(time: OffsetDateTime) -> Result<String> {
    let whole = time.to_offset(time::UtcOffset::UTC).replace_nanosecond(0)?;
    Ok(whole.format(&Rfc3339)?)
}

async fn replay_one(
    host: &HostConfig,
    service: Option<String>,
    id: Uuid,
    out: &mut impl Write,
) -> Result<()> {
    let services = chosen(service);
    for service in &services {
        let replayed = ::events::replay_one(&connect(host, service).await?, id).await;
        if replayed.with_context(|| format!("replaying a dead letter of {service}"))? {
            writeln!(out, "{service}: {id} gets five new tries")?;
            return Ok(());
        }
    }
    bail!(
        "no dead letter has the id {id} in {}; `smilefactory events dead` lists them",
        services.join(", ")
    )
}

async fn replay_all(
    host: &HostConfig,
    service: Option<String>,
    out: &mut impl Write,
) -> Result<()> {
    for service in chosen(service) {
        let replayed = ::events::replay(&connect(host, &service).await?).await;
        let letters = replayed.with_context(|| format!("replaying dead letters of {service}"))?;
        writeln!(out, "{service}: {letters} dead letters get five new tries")?;
    }
    Ok(())
}

async fn republish(
    host: &HostConfig,
    service: &str,
    since: Option<OffsetDateTime>,
    out: &mut impl Write,
) -> Result<()> {
    if let Some(since) = since {
        ensure!(
            since <= identity::clock::now(),
            "--since is in the future: {}",
            at(since)?
        );
    }
    let since = since.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let waiting = ::events::republish(&connect(host, service).await?, since).await;
    let events = waiting.with_context(|| format!("having events of {service} published again"))?;
    writeln!(
        out,
        "{service}: {events} events wait to be published again; the running service publishes them"
    )?;
    Ok(())
}

fn chosen(service: Option<String>) -> Vec<String> {
    service.map_or_else(
        || migration::SERVICES.map(str::to_owned).to_vec(),
        |service| vec![service],
    )
}

/// Signs in as the service.
async fn connect(host: &HostConfig, service: &str) -> Result<Db> {
    let url = host.database.url.expose().clone();
    let config = store::Config::for_service(url, service, &host.role_secret());
    Db::connect(config)
        .await
        .with_context(|| format!("signing in to the database as {service}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(cause: &str) -> Letter {
        Letter {
            id: Uuid::nil(),
            event: Uuid::max(),
            type_name: "smilefactory.feed.v1.PostCreated".to_owned(),
            consumer: "profile".to_owned(),
            tries: 5,
            first_failed_at: OffsetDateTime::UNIX_EPOCH,
            last_failed_at: OffsetDateTime::UNIX_EPOCH + time::Duration::milliseconds(61_500),
            cause: cause.to_owned(),
        }
    }

    #[test]
    fn eb_5_a_dead_letter_is_one_line_whatever_its_cause() {
        let line = line(&letter("broken\n\u{1b}[31mred\ttext")).unwrap();
        assert_eq!(
            line,
            "00000000-0000-0000-0000-000000000000  profile       5      1970-01-01T00:00:00Z  1970-01-01T00:01:01Z  \
             ffffffff-ffff-ffff-ffff-ffffffffffff  smilefactory.feed.v1.PostCreated: broken  [31mred text"
        );
    }

    #[test]
    fn a_time_needs_its_offset() {
        assert!(
            moment("2026-11-23T02:00:00Z").is_ok() && moment("2026-11-23T02:00:00+01:00").is_ok()
        );
        let refused = moment("yesterday").unwrap_err();
        assert!(refused.contains("2026-11-23T02:00:00Z"), "{refused}");
        assert!(moment("2026-11-23 02:00").is_err());
    }
}
