//! Reading envelopes.

use std::time::Duration;

use contracts::common::v1::Envelope;
use fault::{Fault, Result};
use identity::Context;
use prost::{Message, Name};
use time::OffsetDateTime;

/// How long a handler may take, in seconds.
const HANDLER_SECONDS: u64 = 30;

/// The context work for this event runs in: no caller, the request id of the change, 30 s.
#[must_use]
pub fn context(envelope: &Envelope) -> Context {
    let request = if envelope.correlation_id.is_empty() {
        envelope.event_id.clone()
    } else {
        envelope.correlation_id.clone()
    };
    let ctx = Context::background(request, Duration::from_secs(HANDLER_SECONDS));
    if envelope.traceparent.is_empty() {
        ctx
    } else {
        ctx.with_trace(envelope.traceparent.clone())
    }
}

/// The payload as the message its type names.
///
/// # Errors
/// `INTERNAL_ERROR` when the type is another one or the bytes are not of it.
pub fn decode<M: Message + Name + Default>(envelope: &Envelope) -> Result<M> {
    if envelope.r#type != M::full_name() {
        return Err(Fault::internal(format!(
            "event {} is a {}, not a {}",
            envelope.event_id,
            envelope.r#type,
            M::full_name()
        )));
    }
    M::decode(envelope.payload.as_slice()).map_err(Fault::internal)
}

/// Splits `smilefactory.feed.v1.PostCreated` into `feed` and `PostCreated`.
#[must_use]
pub fn full_name_parts(full: &str) -> Option<(&str, &str)> {
    let rest = full.strip_prefix("smilefactory.")?;
    let (service, rest) = rest.split_once('.')?;
    let (_, name) = rest.rsplit_once('.')?;
    Some((service, name))
}

/// A time as the envelope carries it.
pub(crate) fn timestamp(at: OffsetDateTime) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: at.unix_timestamp(),
        nanos: i32::try_from(at.nanosecond()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eb_3_the_type_names_the_producing_service() {
        assert_eq!(
            full_name_parts("smilefactory.feed.v1.PostCreated"),
            Some(("feed", "PostCreated"))
        );
        assert_eq!(full_name_parts("google.protobuf.Empty"), None);
    }

    #[test]
    fn eb_2_a_payload_of_another_type_is_refused() {
        let envelope = Envelope {
            r#type: "smilefactory.feed.v1.PostLiked".into(),
            ..Envelope::default()
        };
        assert!(decode::<contracts::feed::v1::PostCreated>(&envelope).is_err());
    }
}
