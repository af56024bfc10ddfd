//! Lua scripts by constant source.

use std::fmt;
use std::sync::OnceLock;

use bytes::Bytes;
use fault::{Fault, Result};
use fred::types::Value;

use crate::Redis;
use crate::observed::observed;

/// A Lua script; make it a `static` and run it with [`Redis::eval`].
pub struct Script {
    source: &'static str,
    loaded: OnceLock<fred::types::scripts::Script>,
}

impl Script {
    /// Takes the source; its digest is computed at the first use.
    #[must_use]
    pub const fn new(source: &'static str) -> Self {
        Self {
            source,
            loaded: OnceLock::new(),
        }
    }

    fn loaded(&self) -> &fred::types::scripts::Script {
        self.loaded
            .get_or_init(|| fred::types::scripts::Script::from_lua(self.source))
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").finish_non_exhaustive()
    }
}

/// One argument of a script.
#[derive(Debug, Clone)]
pub enum Arg {
    /// Arrives as its decimal digits.
    Int(i64),
    /// Arrives as it is.
    Bytes(Bytes),
}

impl From<i64> for Arg {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for Arg {
    fn from(value: &str) -> Self {
        Self::Bytes(Bytes::copy_from_slice(value.as_bytes()))
    }
}

impl From<String> for Arg {
    fn from(value: String) -> Self {
        Self::Bytes(value.into())
    }
}

impl From<&[u8]> for Arg {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(Bytes::copy_from_slice(value))
    }
}

impl From<Vec<u8>> for Arg {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value.into())
    }
}

impl From<Bytes> for Arg {
    fn from(value: Bytes) -> Self {
        Self::Bytes(value)
    }
}

/// What a script returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// `nil` or `false`.
    Nil,
    /// An integer.
    Int(i64),
    /// A string.
    Bytes(Bytes),
    /// A table.
    Many(Vec<Reply>),
}

impl Reply {
    /// Returns the integer, also one that came as decimal digits.
    ///
    /// # Errors
    /// `INTERNAL_ERROR` when it is none: script and caller disagree.
    pub fn int(&self) -> Result<i64> {
        match self {
            Self::Int(value) => Ok(*value),
            Self::Bytes(bytes) => std::str::from_utf8(bytes)
                .ok()
                .and_then(|text| text.parse().ok())
                .ok_or_else(shape),
            Self::Nil | Self::Many(_) => Err(shape()),
        }
    }

    /// Returns the string's bytes.
    ///
    /// # Errors
    /// `INTERNAL_ERROR` when it is none.
    pub fn bytes(&self) -> Result<Bytes> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.clone()),
            Self::Nil | Self::Int(_) | Self::Many(_) => Err(shape()),
        }
    }

    /// Returns the string as text.
    ///
    /// # Errors
    /// `INTERNAL_ERROR` when it is none or not UTF-8.
    pub fn text(&self) -> Result<String> {
        String::from_utf8(self.bytes()?.into()).map_err(Fault::internal)
    }

    /// Returns the elements of the table.
    ///
    /// # Errors
    /// `INTERNAL_ERROR` when it is none.
    pub fn many(self) -> Result<Vec<Reply>> {
        match self {
            Self::Many(replies) => Ok(replies),
            Self::Nil | Self::Int(_) | Self::Bytes(_) => Err(shape()),
        }
    }
}

fn shape() -> Fault {
    Fault::internal("a script's reply has another shape than its caller expects")
}

impl From<Value> for Reply {
    fn from(value: Value) -> Self {
        match value {
            Value::Integer(value) => Self::Int(value),
            Value::Boolean(true) => Self::Int(1),
            Value::String(text) => Self::Bytes(text.into_inner()),
            Value::Bytes(bytes) => Self::Bytes(bytes),
            Value::Double(value) => Self::Bytes(value.to_string().into()),
            Value::Array(values) => Self::Many(values.into_iter().map(Self::from).collect()),
            Value::Map(map) => Self::Many(
                map.inner()
                    .into_iter()
                    .flat_map(|(key, value)| {
                        [
                            Self::Bytes(Bytes::copy_from_slice(key.as_bytes())),
                            Self::from(value),
                        ]
                    })
                    .collect(),
            ),
            Value::Null | Value::Boolean(false) | Value::Queued => Self::Nil,
        }
    }
}

impl Redis {
    /// Runs a script by its digest; a server that does not know it (restart, flush) is given the source first.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE`, `INTERNAL_ERROR` when the script fails.
    pub async fn eval(&self, script: &Script, keys: &[&str], args: &[Arg]) -> Result<Reply> {
        let args: Vec<Value> = args
            .iter()
            .map(|arg| match arg {
                Arg::Int(value) => Value::Integer(*value),
                Arg::Bytes(bytes) => Value::Bytes(bytes.clone()),
            })
            .collect();
        let script = script.loaded();
        let run = script.evalsha_with_reload(self.client()?, keys.to_vec(), args);
        let reply: Value = observed("EVALSHA", run).await?;
        Ok(reply.into())
    }
}
