//! Set-up of logs and metrics, once for a process.

use std::fmt;

use serde::{Deserialize, Serialize};
use tracing_subscriber::{
    Layer as _, fmt::MakeWriter, layer::SubscriberExt as _, reload, util::SubscriberInitExt as _,
};

use crate::{levels, line::JsonLines, recorder};

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One JSON object a line.
    #[default]
    Json,
    /// For people at a terminal.
    Text,
}

/// What to log and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `json` or `text`. Default `json`.
    pub format: Format,
    /// Filter directives, such as `info` or `warn,feed=debug`; see [`levels`]. Default
    /// `info` with the chatter of libraries left out.
    pub filter: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            format: Format::Json,
            filter: "info,fred=warn,sqlx=warn,sea_orm_migration=warn,hyper=warn,h2=warn".to_owned(),
        }
    }
}

/// Why logs or metrics could not be set up.
#[derive(Debug)]
pub struct InitError(String);

impl InitError {
    pub(crate) fn because(reason: impl fmt::Display) -> Self {
        Self(reason.to_string())
    }
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "telemetry: {}", self.0)
    }
}

impl std::error::Error for InitError {}

/// Sets up logs and metrics for this process. A second call changes nothing and
/// succeeds, so tests may each call it.
///
/// # Errors
/// A filter that cannot be read.
pub fn init(config: &Config) -> Result<(), InitError> {
    init_into(config, std::io::stdout)
}

/// As [`init`], with the lines written elsewhere.
///
/// # Errors
/// As [`init`].
pub fn init_into<W>(config: &Config, writer: W) -> Result<(), InitError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(levels::read(&config.filter)?);
    recorder::install()?;
    let lines = match config.format {
        Format::Json => JsonLines::new(writer).boxed(),
        Format::Text => tracing_subscriber::fmt::layer().with_writer(writer).boxed(),
    };
    let set = tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .try_init();
    // An error means that a subscriber is set already: the earlier set-up stays.
    if set.is_ok() {
        levels::manage(handle, &config.filter);
    }
    Ok(())
}

/// Logs panics as lines like any other, instead of loose text on standard error. For
/// mains; tests keep the text.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let said = panic.payload_as_str().unwrap_or("without a text");
        tracing::error!(place, cause = said, "panicked");
    }));
}
