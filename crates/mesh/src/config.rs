//! Where the services are that this process does not host.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// The services this process calls over the network.
///
/// ```toml
/// [mesh.peers]
/// feed = ["127.0.0.1:4103", "127.0.0.1:4203"]
/// profile = ["dns:profile.smilefactory.svc:4100"]
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The addresses of each service by its name; no default. A service hosted in this
    /// process is called there, whatever stands here.
    #[serde(deserialize_with = "lists")]
    pub peers: BTreeMap<String, Vec<Address>>,
}

/// Reads lists of addresses; a text is a list parted by commas, as the environment has it.
fn lists<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, Vec<Address>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum List {
        Text(String),
        Items(Vec<String>),
    }
    let lists = BTreeMap::<String, List>::deserialize(from)?;
    let read = |(name, list)| {
        let items = match list {
            List::Items(items) => items,
            List::Text(text) => text.split(',').map(str::to_owned).collect(),
        };
        let read = items
            .iter()
            .map(|item| item.trim())
            .filter(|item| !item.is_empty());
        let read = read.map(str::parse).collect::<Result<Vec<Address>, _>>();
        let read = read.map_err(|bad| D::Error::custom(format!("mesh.peers.{name}: {bad}")))?;
        Ok((name, read))
    };
    lists.into_iter().map(read).collect()
}

impl Config {
    /// Checks that every service named has an address.
    ///
    /// # Errors
    /// The first service without one.
    pub fn check(&self) -> Result<(), ConfigError> {
        match self.peers.iter().find(|(_, at)| at.is_empty()) {
            Some((name, _)) => Err(ConfigError::NoAddress(name.clone())),
            None => Ok(()),
        }
    }
}

/// Why a configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A service with an empty list.
    #[error("mesh.peers.{0} has no address")]
    NoAddress(String),
    /// A text that is not an address.
    #[error("`{0}` is no address: host:port or dns:host:port is expected")]
    BadAddress(String),
}

/// One address of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Address {
    /// `host:port`: one endpoint. A name is looked up at each connecting.
    Fixed(Target),
    /// `dns:host:port`: an endpoint at every address the name has, looked up anew every 3 s.
    Dns(Target),
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// A name or an IP address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl FromStr for Address {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let bad = || ConfigError::BadAddress(text.to_owned());
        match text.strip_prefix("dns:") {
            Some(rest) => target(rest).map(Self::Dns),
            None => target(text).map(Self::Fixed),
        }
        .ok_or_else(bad)
    }
}

fn target(text: &str) -> Option<Target> {
    let (host, port) = text.rsplit_once(':')?;
    let inner = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let valid = match inner {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.chars().all(known),
    };
    let port = port.parse().ok().filter(|port| *port != 0)?;
    valid.then(|| Target {
        host: inner.unwrap_or(host).to_owned(),
        port,
    })
}

impl TryFrom<String> for Address {
    type Error = ConfigError;

    fn try_from(text: String) -> Result<Self, ConfigError> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(target) => target.fmt(f),
            Self::Dns(target) => write!(f, "dns:{target}"),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written_alike() {
        for text in [
            "127.0.0.1:4103",
            "[::1]:4103",
            "feed:1",
            "dns:feed.smilefactory.svc:4100",
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        for bad in [
            "",
            "feed",
            ":1",
            "feed:",
            "feed:0",
            "feed:65536",
            "::1:4103",
            "[x]:1",
            "dns:",
            "a b:1",
            "http://feed:1",
        ] {
            let error = bad.parse::<Address>().unwrap_err();
            assert_eq!(error, ConfigError::BadAddress(bad.to_owned()));
        }
    }

    #[test]
    fn dl_3_a_list_may_be_a_text_with_commas_and_a_bad_address_is_named() {
        let read = serde_json::from_str::<Config>;
        let listed = read(r#"{"peers": {"feed": ["a:1", "dns:b:2"]}}"#).unwrap();
        assert_eq!(
            read(r#"{"peers": {"feed": "a:1, dns:b:2"}}"#).unwrap(),
            listed
        );
        let error = read(r#"{"peers": {"feed": "a"}}"#).unwrap_err().to_string();
        assert!(
            error.starts_with("mesh.peers.feed: `a` is no address"),
            "{error}"
        );
    }

    #[test]
    fn a_service_without_an_address_is_named() {
        let config = Config {
            peers: BTreeMap::from([("feed".to_owned(), Vec::new())]),
        };
        assert_eq!(
            config.check().unwrap_err().to_string(),
            "mesh.peers.feed has no address"
        );
    }
}
