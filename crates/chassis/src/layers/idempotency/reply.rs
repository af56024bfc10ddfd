//! The reply to a keyed call, whole: as it came, and as it is stored.

use std::convert::Infallible;

use bytes::{BufMut as _, Bytes, BytesMut};
use fault::{Fault, Result};
use http::{HeaderMap, HeaderName, HeaderValue, Response, response::Parts};
use http_body_util::{BodyExt as _, Full};
use identity::Sealer;
use mesh::metadata;
use prost::Message as _;
use store::idempotency::{Asked, Outcome};
use tonic::{Code, Status, body::Body, metadata::MetadataMap};

use super::boundary;

/// What is before a message in a body: a flag and its length.
const PREFIX: usize = 5;

/// What becomes of the outcome and of the effect that goes with it (ID-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Both stay.
    Stored,
    /// The effect stays; the next try is a new one.
    Forgotten,
    /// None stays.
    Undone,
}

/// A unary reply that has ended.
#[derive(Debug)]
pub(super) struct Reply {
    head: Parts,
    /// The framed message; empty beside a failure.
    body: Bytes,
    trailers: HeaderMap,
    status: Status,
}

impl Reply {
    /// Reads a handler's reply to its end.
    ///
    /// # Errors
    /// Its body failed, or it has no status.
    pub(super) async fn read(reply: Response<Body>) -> Result<Self> {
        let (head, body) = reply.into_parts();
        let read = body.collect().await.map_err(boundary::fault_of)?;
        let trailers = read.trailers().cloned().unwrap_or_default();
        let status = Status::from_header_map(&head.headers)
            .or_else(|| Status::from_header_map(&trailers))
            .ok_or_else(|| Fault::internal("a unary reply without a status"))?;
        let body = read.to_bytes();
        Ok(Self {
            head,
            body,
            trailers,
            status,
        })
    }

    pub(super) fn is_ok(&self) -> bool {
        self.status.code() == Code::Ok
    }

    pub(super) fn is_unavailable(&self) -> bool {
        self.status.code() == Code::Unavailable
    }

    /// Says that it answers an earlier request (ID-3).
    pub(super) fn replayed(mut self) -> Self {
        let yes = HeaderValue::from_static("true");
        self.head
            .headers
            .insert(metadata::IDEMPOTENCY_REPLAYED, yes);
        // The copy of the status beside the headers does not say so.
        self.head.extensions.remove::<Status>();
        self
    }

    /// What the status says. A refusal that asks to be tried again is no outcome: 429, and
    /// a clash in the database that another moment would not have had.
    pub(super) fn fate(&self) -> Fate {
        if self.is_ok() {
            return Fate::Stored;
        }
        let fault = boundary::fault_of(self.status.clone());
        match fault.reason().http() {
            401 | 408 | 413 | 429 => Fate::Forgotten,
            400..=498 if fault.retry_after().is_some() => Fate::Undone,
            400..=498 => Fate::Stored,
            _ => Fate::Undone,
        }
    }

    /// The outcome as it is stored, the message sealed to its key.
    pub(super) fn to_store(&self, sealer: &Sealer, asked: &Asked) -> Result<Outcome> {
        let mut metadata = self.head.headers.clone();
        metadata.extend(self.trailers.clone());
        let stored = Stored {
            code: self.status.code().into(),
            message: self.status.message().to_owned(),
            details: self.status.details().to_vec(),
            metadata: own(&metadata).collect(),
        };
        let message = self.body.get(PREFIX..).unwrap_or_default();
        Ok(Outcome {
            status: stored.encode_to_vec(),
            body: sealer
                .seal(&context(asked), message)
                .map_err(Fault::internal)?,
        })
    }

    /// Reads a stored outcome.
    ///
    /// # Errors
    /// `INTERNAL_ERROR` when it was stored under another secret.
    pub(super) fn stored(outcome: &Outcome, sealer: &Sealer, asked: &Asked) -> Result<Self> {
        let stored = Stored::decode(&*outcome.status).map_err(Fault::internal)?;
        let message = sealer
            .open(&context(asked), &outcome.body)
            .map_err(Fault::internal)?;
        let metadata = stored.metadata();
        let status = Status::with_details_and_metadata(
            Code::from_i32(stored.code),
            stored.message,
            stored.details.into(),
            MetadataMap::from_headers(metadata.clone()),
        );
        if status.code() != Code::Ok {
            let (head, _) = status.clone().into_http::<Body>().into_parts();
            let (body, trailers) = (Bytes::new(), HeaderMap::new());
            return Ok(Self {
                head,
                body,
                trailers,
                status,
            });
        }
        let (mut head, ()) = Response::new(()).into_parts();
        head.headers = metadata;
        let grpc = HeaderValue::from_static("application/grpc");
        head.headers.insert(http::header::CONTENT_TYPE, grpc);
        let ok = (
            HeaderName::from_static("grpc-status"),
            HeaderValue::from_static("0"),
        );
        Ok(Self {
            head,
            body: framed(&message),
            trailers: HeaderMap::from_iter([ok]),
            status,
        })
    }
}

impl From<Reply> for Response<Body> {
    fn from(reply: Reply) -> Self {
        let Reply {
            head,
            body,
            trailers,
            ..
        } = reply;
        if body.is_empty() && trailers.is_empty() {
            return Self::from_parts(head, Body::empty());
        }
        let trailers = async { Some(Ok::<_, Infallible>(trailers)) };
        Self::from_parts(head, Body::new(Full::new(body).with_trailers(trailers)))
    }
}

/// Puts a message into the frame of a body, not compressed.
pub(super) fn framed(message: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(PREFIX + message.len());
    frame.put_u8(0);
    // Messages have at most 4 MiB.
    frame.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    frame.put_slice(message);
    frame.freeze()
}

/// What a message is sealed to: no row's message opens in another.
fn context(asked: &Asked) -> Vec<u8> {
    let Asked { scope, key, .. } = asked;
    [&asked.fingerprint, scope.as_bytes(), b"\0", key.as_bytes()].concat()
}

/// How a call ended, as it is stored.
#[derive(Clone, PartialEq, prost::Message)]
struct Stored {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    /// `google.rpc.Status`, encoded.
    #[prost(bytes = "vec", tag = "3")]
    details: Vec<u8>,
    #[prost(message, repeated, tag = "4")]
    metadata: Vec<Pair>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Pair {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

impl Stored {
    fn metadata(&self) -> HeaderMap {
        let pair = |pair: &Pair| {
            let name = HeaderName::try_from(&pair.name).ok()?;
            Some((name, HeaderValue::from_bytes(&pair.value).ok()?))
        };
        self.metadata.iter().filter_map(pair).collect()
    }
}

/// The metadata the handler gave, without what the protocol makes anew.
fn own(metadata: &HeaderMap) -> impl Iterator<Item = Pair> + '_ {
    let made_anew = |name: &HeaderName| {
        name.as_str().starts_with("grpc-") || matches!(name.as_str(), "content-type" | "date")
    };
    let given = metadata.iter().filter(move |(name, _)| !made_anew(name));
    given.map(|(name, value)| Pair {
        name: name.as_str().to_owned(),
        value: value.as_bytes().to_vec(),
    })
}
