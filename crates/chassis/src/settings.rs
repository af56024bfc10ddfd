//! Settings: compiled-in defaults, then a file, then the environment.

use std::{collections::BTreeMap, fmt, path::Path};

use config::{Config, File, FileFormat, Value, ValueKind};
use serde::{Serialize, de::DeserializeOwned};

/// What environment variables of ours begin with; `__` parts the names of a path.
pub const PREFIX: &str = "SF__";

/// Variables of other names that every deployment knows.
const WELL_KNOWN: &[(&str, &str)] = &[("DATABASE_URL", "database.url"), ("REDIS_URL", "redis.url")];

/// A setting that cannot be used, in words that name it.
#[derive(Debug)]
pub struct BadSetting(String);

impl fmt::Display for BadSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadSetting {}

/// Reads settings: `defaults` (TOML, compiled in), the TOML file if one is given, and the
/// variables of `environment` that concern us. Lists in variables are parted by commas.
/// Unknown names are refused; `T` and its parts say `deny_unknown_fields`.
///
/// # Errors
/// A file that cannot be read, an unknown name, or a value of the wrong kind; each named.
pub fn load<T: DeserializeOwned>(
    defaults: &str,
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<T, BadSetting> {
    let mut base = Config::builder().add_source(File::from_str(defaults, FileFormat::Toml));
    if let Some(path) = file {
        base = base.add_source(File::new(&path.to_string_lossy(), FileFormat::Toml));
    }
    let base = base.build().map_err(said)?;
    let variables = variables(environment)?;
    let all: Vec<_> = variables
        .iter()
        .map(|(path, (name, value))| (path, name, value))
        .collect();
    match with(&base, &all) {
        Ok(settings) => Ok(settings),
        Err(error) => Err(blame::<T>(&base, &all, error)),
    }
}

/// Returns settings as TOML, every [`Secret`](crate::Secret) redacted.
///
/// # Errors
/// A value TOML cannot say.
pub fn print<T: Serialize>(settings: &T) -> Result<String, BadSetting> {
    toml::to_string_pretty(settings).map_err(said)
}

/// Returns the variables that concern us: path → (name, value).
fn variables(
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<BTreeMap<String, (String, String)>, BadSetting> {
    let mut found = BTreeMap::new();
    for (name, value) in environment {
        let known = WELL_KNOWN.iter().find(|(variable, _)| *variable == name);
        let path = match (name.strip_prefix(PREFIX), known) {
            (Some(rest), _) => rest.to_ascii_lowercase().replace("__", "."),
            (None, Some((_, path))) => (*path).to_owned(),
            (None, None) => continue,
        };
        if path.split('.').any(str::is_empty) {
            return Err(BadSetting(format!("{name}: not the name of a setting")));
        }
        // Our own name for a setting beats the well-known one.
        if known.is_none() || !found.contains_key(&path) {
            found.insert(path, (name, value));
        }
    }
    Ok(found)
}

fn with<T: DeserializeOwned>(
    base: &Config,
    all: &[(&String, &String, &String)],
) -> Result<T, BadSetting> {
    let mut builder = Config::builder().add_source(base.clone());
    for (path, name, text) in all {
        let value = value(base, path, text);
        builder = builder
            .set_override(path, value)
            .map_err(|e| BadSetting(format!("{name}: {e}")))?;
    }
    builder
        .build()
        .and_then(Config::try_deserialize)
        .map_err(said)
}

/// Returns the text of a variable as a value: a list where the defaults have one. Numbers
/// and truth values are read from text where the setting wants them.
fn value(base: &Config, path: &str, text: &str) -> Value {
    let list = base
        .get::<Value>(path)
        .is_ok_and(|value| matches!(value.kind, ValueKind::Array(_)));
    if list {
        let items = text
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty());
        Value::from(items.map(str::to_owned).collect::<Vec<_>>())
    } else {
        Value::from(text)
    }
}

/// Finds the variable that is to blame: the first that alone makes the rest unreadable.
fn blame<T: DeserializeOwned>(
    base: &Config,
    all: &[(&String, &String, &String)],
    error: BadSetting,
) -> BadSetting {
    if with::<T>(base, &[]).is_err() {
        return error;
    }
    let guilty = all
        .iter()
        .find_map(|one| with::<T>(base, &[*one]).err().map(|error| (one.1, error)));
    match guilty {
        Some((name, error)) => BadSetting(format!("{name}: {error}")),
        None => error,
    }
}

fn said(error: impl fmt::Display) -> BadSetting {
    BadSetting(error.to_string())
}

#[cfg(test)]
mod tests;
