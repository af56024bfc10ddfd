//! A client of gRPC and gRPC-Web that frames by hand, so that a test sees what is on the wire.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::{Bytes, BytesMut};
use fault::Fault;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::task::JoinSet;
use tonic::{Code, Status};

use crate::house::House;

/// How a call is put on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    /// gRPC over HTTP/2.
    Native,
    /// gRPC-Web over HTTP/1.1.
    Web,
    /// gRPC-Web over HTTP/1.1, in base64.
    Text,
    /// gRPC-Web over HTTP/2.
    WebOverHttp2,
}

/// All of them: what holds for one holds for each.
pub(crate) const WIRES: [Wire; 4] = [Wire::Native, Wire::Web, Wire::Text, Wire::WebOverHttp2];

impl Wire {
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Native => "application/grpc",
            Self::Web | Self::WebOverHttp2 => "application/grpc-web+proto",
            Self::Text => "application/grpc-web-text",
        }
    }

    fn version(self) -> Version {
        match self {
            Self::Native | Self::WebOverHttp2 => Version::HTTP_2,
            Self::Web | Self::Text => Version::HTTP_11,
        }
    }

    fn encode(self, framed: Vec<u8>) -> Vec<u8> {
        if self == Self::Text {
            BASE64.encode(framed).into_bytes()
        } else {
            framed
        }
    }
}

/// A call's outcome, the same whichever wire it came over.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) http: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) messages: Vec<Bytes>,
    /// The trailers; those of a reply of nothing else are in its headers.
    pub(crate) trailers: HeaderMap,
}

impl Outcome {
    pub(crate) fn status(&self) -> Status {
        let found = [&self.headers, &self.trailers].map(Status::from_header_map);
        match found {
            [Some(status), None] | [None, Some(status)] => status,
            _ => panic!("not exactly one status in {self:?}"),
        }
    }

    /// Asserts that the call went well and returns its one message.
    #[track_caller]
    pub(crate) fn message<M: Message + Default>(&self) -> M {
        assert_eq!(self.status().code(), Code::Ok, "{self:?}");
        assert_eq!(self.messages.len(), 1, "{self:?}");
        M::decode(self.messages[0].clone()).unwrap()
    }

    /// Asserts that the call failed in our shape and returns how, by name.
    #[track_caller]
    pub(crate) fn fault(&self) -> Fault {
        let status = self.status();
        let fault = Fault::from(status.clone());
        assert_eq!(self.http, 200, "{self:?}");
        assert_eq!(status.code(), fault.reason().grpc(), "{self:?}");
        assert!(
            std::error::Error::source(&fault).is_none(),
            "no reason of ours in {self:?}"
        );
        fault
    }

    #[track_caller]
    pub(crate) fn code(&self) -> &'static str {
        self.fault().reason().code()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// Puts a message into a frame.
pub(crate) fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], &length[..], message].concat()
}

impl House {
    /// Calls an RPC with a message.
    pub(crate) async fn call(
        &self,
        wire: Wire,
        path: &str,
        metadata: &[(&str, &str)],
        message: &impl Message,
    ) -> Outcome {
        self.call_framed(wire, path, metadata, frame(&message.encode_to_vec()))
            .await
    }

    /// Calls an RPC with a body as it is.
    pub(crate) async fn call_framed(
        &self,
        wire: Wire,
        path: &str,
        metadata: &[(&str, &str)],
        framed: Vec<u8>,
    ) -> Outcome {
        self.open_call(wire, path, metadata, framed)
            .await
            .outcome()
            .await
    }

    /// Calls an RPC and returns as soon as there is a head.
    pub(crate) async fn open_call(
        &self,
        wire: Wire,
        path: &str,
        metadata: &[(&str, &str)],
        framed: Vec<u8>,
    ) -> Opened {
        let mut request = Request::post(path)
            .body(Full::new(Bytes::from(wire.encode(framed))))
            .unwrap();
        *request.version_mut() = wire.version();
        let headers = request.headers_mut();
        headers.insert(
            "content-type",
            HeaderValue::from_static(wire.content_type()),
        );
        headers.insert("te", HeaderValue::from_static("trailers"));
        for (name, value) in metadata {
            let (name, value) = (name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
            if name == "content-type" {
                headers.insert(name, value);
            } else {
                headers.append(name, value);
            }
        }
        self.exchange(wire, request).await
    }

    /// Sends a request as it is, on a connection of its own.
    pub(crate) async fn exchange(&self, wire: Wire, mut request: Request<Full<Bytes>>) -> Opened {
        let io = TokioIo::new(self.connect().await);
        let mut connection = JoinSet::new();
        let reply = if wire.version() == Version::HTTP_2 {
            let uri = format!("http://door{}", request.uri());
            *request.uri_mut() = uri.parse().unwrap();
            let (mut sender, driver) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
            connection.spawn(async move { drop(driver.await) });
            sender.send_request(request).await.unwrap()
        } else {
            let host = HeaderValue::from_static("door");
            request.headers_mut().insert("host", host);
            let (mut sender, driver) = http1::handshake(io).await.unwrap();
            connection.spawn(async move { drop(driver.await) });
            sender.send_request(request).await.unwrap()
        };
        let (head, body) = reply.into_parts();
        Opened {
            wire,
            head,
            body,
            encoded: BytesMut::new(),
            decoded: BytesMut::new(),
            trailers: HeaderMap::new(),
            _connection: connection,
        }
    }
}

/// A call whose head has come. Dropping it closes its connection.
pub(crate) struct Opened {
    pub(crate) head: http::response::Parts,
    wire: Wire,
    body: Incoming,
    encoded: BytesMut,
    decoded: BytesMut,
    trailers: HeaderMap,
    _connection: JoinSet<()>,
}

impl Opened {
    /// The next message; `None` when trailers or the end came instead.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some((flag, message)) = self.take_frame() {
                if flag == 0 {
                    return Some(message);
                }
                assert_eq!(flag, 0x80, "neither a message nor trailers");
                self.trailers = trailers(&message);
                continue;
            }
            match self.body.frame().await {
                None => {
                    assert!(
                        self.decoded.is_empty() && self.encoded.is_empty(),
                        "half a frame"
                    );
                    return None;
                }
                Some(frame) => match frame.expect("the reply ends properly").into_data() {
                    Ok(data) => self.decode(&data),
                    Err(frame) => self.trailers = frame.into_trailers().unwrap(),
                },
            }
        }
    }

    fn decode(&mut self, data: &[u8]) {
        if self.wire != Wire::Text {
            self.decoded.extend_from_slice(data);
            return;
        }
        // Each piece is padded by itself, so padding stands in the middle too.
        self.encoded.extend_from_slice(data);
        while self.encoded.len() >= 4 {
            let bytes = BASE64.decode(self.encoded.split_to(4)).unwrap();
            self.decoded.extend_from_slice(&bytes);
        }
    }

    fn take_frame(&mut self) -> Option<(u8, Bytes)> {
        let (prefix, rest) = self.decoded.split_first_chunk::<5>()?;
        let [flag, length @ ..] = *prefix;
        let length = u32::from_be_bytes(length) as usize;
        if rest.len() < length {
            return None;
        }
        let frame = self.decoded.split_to(5 + length).freeze();
        Some((flag, frame.slice(5..)))
    }

    /// All that comes until the end.
    pub(crate) async fn outcome(mut self) -> Outcome {
        let mut messages = Vec::new();
        while let Some(message) = self.next().await {
            messages.push(message);
        }
        Outcome {
            http: self.head.status.as_u16(),
            headers: self.head.headers,
            messages,
            trailers: self.trailers,
        }
    }
}

/// The trailers in the last frame of gRPC-Web.
fn trailers(text: &[u8]) -> HeaderMap {
    let text = std::str::from_utf8(text).unwrap();
    let lines = text.split("\r\n").filter(|line| !line.is_empty());
    let split = |line: &str| {
        let (name, value) = line.split_once(':').unwrap();
        (
            name.parse::<HeaderName>().unwrap(),
            value.trim().parse().unwrap(),
        )
    };
    lines.map(split).collect()
}
