//! The signal by which a service says that it is there and that something of it changed: what others keep of its replies
//! is outdated then (GW-18, CA-2, EB-7).

use bytes::Bytes;

/// The channel of all services.
pub const CHANNEL: &str = "sf:changes";

/// How often a service says that it is there, at least.
pub const SIGN_OF_LIFE: std::time::Duration = std::time::Duration::from_millis(500);

/// What a service says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing changed: a sign of life.
    None,
    /// Something changed.
    Changed,
}

/// Writes a signal: the service's name, with a `!` behind it when something changed.
#[must_use]
pub fn write(service: &str, change: Change) -> Bytes {
    match change {
        Change::None => service.to_owned().into(),
        Change::Changed => format!("{service}!").into(),
    }
}

/// Reads a signal; `None` when it is not one.
#[must_use]
pub fn read(payload: &[u8]) -> Option<(&str, Change)> {
    let text = std::str::from_utf8(payload).ok()?;
    let (service, change) = match text.strip_suffix('!') {
        Some(service) => (service, Change::Changed),
        None => (text, Change::None),
    };
    (!service.is_empty() && service.bytes().all(|byte| byte.is_ascii_lowercase()))
        .then_some((service, change))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gw_18_signals_come_back_as_they_were_written() {
        for change in [Change::None, Change::Changed] {
            assert_eq!(read(&write("feed", change)), Some(("feed", change)));
        }
        for bad in [&b""[..], b"!", b"feed!!", b"fe ed", b"\xff"] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }
}
