//! Secrets that do not print, and keys derived from them.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

/// A value that is never shown: not by `Debug`, not when configuration is printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Takes a value into secrecy.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Shows the value to whoever needs it.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T: Default + PartialEq> Secret<T> {
    /// Whether it is what it is when nobody sets it.
    pub fn is_unset(&self) -> bool {
        self.0 == T::default()
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<T: Default + PartialEq> Serialize for Secret<T> {
    /// Writes `[redacted]`, or nothing at all for a secret nobody has set.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.is_unset() { "" } else { "[redacted]" })
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self)
    }
}

/// Keys for many purposes from the one secret of the deployment. Cheap to clone.
#[derive(Clone)]
pub struct Keys {
    master: Arc<Zeroizing<Vec<u8>>>,
}

impl Keys {
    /// Takes the deployment's secret.
    pub fn new(master: &[u8]) -> Self {
        Self {
            master: Arc::new(Zeroizing::new(master.to_vec())),
        }
    }

    /// Returns the 32-byte key of a purpose: `derive("auth.otp")`. The same label gives
    /// the same key in every process of the deployment, and different labels keys that
    /// say nothing about each other.
    pub fn derive(&self, label: &str) -> [u8; 32] {
        identity::derive(&self.master, label)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_neither_prints_nor_serialises() {
        let secret = Secret::new("hunter2".to_owned());
        assert_eq!(
            format!("{secret:?} {:?}", Keys::new(b"hunter2")),
            "[redacted] Keys([redacted])"
        );
        #[derive(Serialize)]
        struct Config {
            password: Secret<String>,
            unset: Secret<String>,
        }
        let text = toml::to_string(&Config {
            password: secret,
            unset: Secret::default(),
        })
        .unwrap();
        assert_eq!(text, "password = \"[redacted]\"\nunset = \"\"\n");
    }
}
