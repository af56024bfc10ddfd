//! The frames of gRPC: one byte that says whether a message is compressed, its length in four, the message.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{BufMut, Bytes, BytesMut};
use fault::{Fault, Reason};
use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame};

use crate::respond::Refusal;

const PREFIX: usize = 5;

/// The largest frame, in bytes (TR-8).
pub(super) const LONGEST: usize = mesh::MESSAGE_LIMIT + PREFIX;

/// Takes the message out of the one frame a request consists of.
pub(super) fn message(framed: &Bytes, headers: &HeaderMap) -> Result<Bytes, Refusal> {
    let Some((prefix, rest)) = framed.split_first_chunk::<PREFIX>() else {
        return Err(malformed());
    };
    let [compressed, length @ ..] = *prefix;
    match compressed {
        0 => {}
        1 if headers.contains_key("grpc-encoding") => return Err(not_decompressed()),
        _ => return Err(malformed()),
    }
    if usize::try_from(u32::from_be_bytes(length)) != Ok(rest.len()) {
        return Err(malformed());
    }
    Ok(framed.slice(PREFIX..))
}

fn malformed() -> Refusal {
    Fault::new(
        Reason::ValidationError,
        "The request must be exactly one gRPC message",
    )
    .into()
}

/// What a server says that knows none of a message's compressions, so that the client sends it again without.
fn not_decompressed() -> Refusal {
    let mut refusal = Refusal::from(Fault::new(
        Reason::NotImplemented,
        "Compressed messages are not accepted",
    ));
    refusal
        .headers
        .insert("grpc-accept-encoding", HeaderValue::from_static("identity"));
    refusal
}

/// Puts a message into a frame.
pub(super) fn frame(message: &[u8]) -> Bytes {
    let mut framed = BytesMut::with_capacity(PREFIX + message.len());
    framed.put_u8(0);
    // No message is longer than the mesh's limit, which is far below what four bytes can say.
    framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    framed.put_slice(message);
    framed.freeze()
}

/// A body that does not say how long it is: the layer of gRPC-Web would pass on the length of its own encoding as that of what
/// is encoded.
#[derive(Debug)]
pub(super) struct Unsized<B>(Option<B>);

impl<B> Unsized<B> {
    pub(super) fn new(body: Option<B>) -> Self {
        Self(body)
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Unsized<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match &mut self.0 {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gw_28_a_request_is_exactly_one_frame() {
        let none = HeaderMap::new();
        for text in [&b""[..], b"hello"] {
            assert_eq!(message(&frame(text), &none).unwrap(), text);
        }
        let two = [frame(b"a"), frame(b"b")].concat();
        for bad in [
            &b""[..],
            b"\0\0\0\0",
            b"\0\0\0\0\x02a",
            b"\0\0\0\0\0a",
            b"\0\xff\xff\xff\xffa",
            b"\x02\0\0\0\x01a",
            &two,
        ] {
            let refused = message(&Bytes::copy_from_slice(bad), &none).unwrap_err();
            assert_eq!(refused.reason(), Reason::ValidationError, "{bad:?}");
        }
    }

    #[test]
    fn gw_28_a_compressed_message_is_refused_with_what_is_accepted() {
        let mut headers = HeaderMap::new();
        let compressed = Bytes::from_static(b"\x01\0\0\0\x01a");
        let unannounced = message(&compressed, &headers).unwrap_err();
        assert_eq!(unannounced.reason(), Reason::ValidationError);
        headers.insert("grpc-encoding", HeaderValue::from_static("gzip"));
        let refused = message(&compressed, &headers).unwrap_err();
        assert_eq!(refused.reason(), Reason::NotImplemented);
        assert_eq!(refused.headers["grpc-accept-encoding"], "identity");
        assert_eq!(message(&frame(b"a"), &headers).unwrap(), "a");
    }
}
