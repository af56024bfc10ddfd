//! What is logged, and how that is changed while the process runs.
//!
//! A filter is a list of directives parted by commas: a level (`off`, `error`, `warn`, `info`, `debug`, `trace`) for everything, or
//! `target=level` for one crate or module. Libraries are never logged below `info`, since their details may be what logs must not
//! hold (OB-1): a bare `debug` or `trace` is about our own crates only.

use std::{
    sync::{LazyLock, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};
use tracing_subscriber::{EnvFilter, Registry, reload};

use crate::InitError;

/// The crates whose lines below `info` hold nothing that logs must not hold.
pub const OURS: &[&str] = &[
    "auth",
    "chassis",
    "contracts",
    "e2e",
    "edge",
    "entity",
    "events",
    "fault",
    "feed",
    "fuzz",
    "identity",
    "mesh",
    "migration",
    "profile",
    "redis",
    "smilefactory",
    "store",
    "telemetry",
    "testkit",
    "transcode",
];

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The filter in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Its directives.
    pub directives: String,
    /// When the configured ones are in force again; never, unless a time was given.
    pub until: Option<Instant>,
}

struct Managed {
    handle: reload::Handle<EnvFilter, Registry>,
    configured: String,
    /// Held while the filter is exchanged, so that what is shown is what is in force.
    now: Mutex<Filter>,
}

static MANAGED: OnceLock<Managed> = OnceLock::new();
/// Changes whenever the filter does.
static CHANGES: LazyLock<watch::Sender<()>> = LazyLock::new(|| watch::channel(()).0);

/// Takes over the filter of the process.
pub(crate) fn manage(handle: reload::Handle<EnvFilter, Registry>, configured: &str) {
    let now = Mutex::new(Filter {
        directives: configured.to_owned(),
        until: None,
    });
    let _first = MANAGED.set(Managed {
        handle,
        configured: configured.to_owned(),
        now,
    });
}

/// Returns the filter in force; `None` before set-up.
pub fn filter() -> Option<Filter> {
    let managed = MANAGED.get()?;
    let now = managed.now.lock().unwrap_or_else(PoisonError::into_inner);
    Some(now.clone())
}

/// Exchanges the filter; with a time, the configured one comes back after it, for as long as somebody awaits [`revert`].
///
/// # Errors
/// A directive that cannot be read, by its text. The filter in force then stays.
pub fn set_filter(directives: &str, back_after: Option<Duration>) -> Result<(), InitError> {
    let until = back_after.map(|time| Instant::now() + time);
    exchange(directives, until)
}

/// Brings the configured filter back whenever its time has come. Never ends.
pub async fn revert() {
    let mut changes = CHANGES.subscribe();
    loop {
        let until = filter().and_then(|filter| filter.until);
        let due = async {
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => restore(),
            // The sender is never dropped.
            _ = changes.changed() => {}
        }
    }
}

fn restore() {
    let Some(managed) = MANAGED.get() else { return };
    match exchange(&managed.configured, None) {
        Ok(()) => tracing::info!(
            filter = managed.configured,
            "the log filter is the configured one again"
        ),
        Err(error) => tracing::error!(cause = %error, "the log filter could not be restored"),
    }
}

fn exchange(directives: &str, until: Option<Instant>) -> Result<(), InitError> {
    let filter = read(directives)?;
    let managed = MANAGED
        .get()
        .ok_or_else(|| InitError::because("logs are not set up"))?;
    let mut now = managed.now.lock().unwrap_or_else(PoisonError::into_inner);
    managed.handle.reload(filter).map_err(InitError::because)?;
    *now = Filter {
        directives: directives.trim().to_owned(),
        until,
    };
    drop(now);
    CHANGES.send_replace(());
    Ok(())
}

/// Reads directives.
pub(crate) fn read(directives: &str) -> Result<EnvFilter, InitError> {
    let mut said = Vec::new();
    for directive in directives.split(',').map(str::trim) {
        match directive.split_once('=') {
            None => {
                let level = level(directive, directive)?;
                if is_detail(level) {
                    said.push("info".to_owned());
                    said.extend(OURS.iter().map(|target| format!("{target}={level}")));
                } else {
                    said.push(level.to_owned());
                }
            }
            Some((target, given)) => {
                let level = level(given, directive)?;
                let known = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
                if target.is_empty() || !target.chars().all(known) {
                    return Err(unreadable(directive));
                }
                let owner = target.split("::").next().unwrap_or_default();
                if is_detail(level) && !OURS.contains(&owner) {
                    return Err(InitError::because(format!(
                        "{directive:?}: lines of libraries below info may hold what logs must not"
                    )));
                }
                said.push(format!("{target}={level}"));
            }
        }
    }
    EnvFilter::builder()
        .parse(said.join(","))
        .map_err(InitError::because)
}

fn level(given: &str, directive: &str) -> Result<&'static str, InitError> {
    let known = LEVELS
        .iter()
        .find(|level| level.eq_ignore_ascii_case(given));
    known.copied().ok_or_else(|| unreadable(directive))
}

fn is_detail(level: &str) -> bool {
    matches!(level, "debug" | "trace")
}

fn unreadable(directive: &str) -> InitError {
    InitError::because(format!(
        "{directive:?} is neither a level ({}) nor target=level",
        LEVELS.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ob_1_a_filter_says_what_is_wrong_with_it() {
        for (filter, guilty) in [
            ("", "\"\""),
            ("info,debgu", "\"debgu\""),
            ("info,feed=loud", "\"feed=loud\""),
            ("feed[span]=info", "\"feed[span]=info\""),
            ("=info", "\"=info\""),
            ("info,hyper=debug", "\"hyper=debug\""),
            ("sqlx::query=TRACE", "\"sqlx::query=TRACE\""),
            ("info,\u{1b}[2J", "\\u{1b}[2J"),
        ] {
            let said = read(filter).unwrap_err().to_string();
            assert!(said.contains(guilty), "{filter:?}: {said}");
            assert!(!said.contains('\u{1b}'));
        }
    }

    #[test]
    fn ob_1_details_are_those_of_our_crates() {
        let said = read("debug, sqlx=warn ,feed::store=trace")
            .unwrap()
            .to_string();
        let has = |directive: &str| said.split(',').any(|part| part == directive);
        for directive in [
            "info",
            "feed=debug",
            "edge=debug",
            "sqlx=warn",
            "feed::store=trace",
        ] {
            assert!(has(directive), "{directive}: {said}");
        }
        assert!(!has("debug"), "{said}");
        assert!(read(&crate::Config::default().filter).is_ok());
    }
}
