//! A client that opens a connection for each request, so that it learns what a process does with new ones.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use uuid::Uuid;

/// Longest wait for a reply: more than any deadline, so that a process that hangs is told from one that is slow.
const PATIENCE: Duration = Duration::from_secs(30);

/// Speaks HTTP/1.1 to one address.
#[derive(Debug, Clone)]
pub struct Door {
    address: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// A request.
#[derive(Debug, Clone)]
pub struct Ask {
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    from: Option<String>,
    body: Bytes,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub body: Bytes,
    /// From the request's first byte to the reply's last.
    pub took: Duration,
}

/// Why there is no whole reply.
#[derive(Debug, thiserror::Error)]
pub enum NoReply {
    /// Nobody listens: the request was not accepted.
    #[error("nobody listens")]
    Refused,
    /// It was accepted, and then the connection broke or nothing came.
    #[error("broken: {0:#}")]
    Broken(anyhow::Error),
}

/// A client address nobody else has, so that no bucket of addresses fills.
#[must_use]
pub fn somewhere() -> String {
    let [a, b, c, ..] = *Uuid::new_v4().as_bytes();
    format!("10.{a}.{b}.{c}")
}

impl Ask {
    /// A request without a body, each time it is sent as from a client address nobody else has.
    #[must_use]
    pub fn new(method: Method, path: &str) -> Self {
        Self {
            method,
            path: path.to_owned(),
            headers: Vec::new(),
            from: None,
            body: Bytes::new(),
        }
    }

    /// GET.
    #[must_use]
    pub fn get(path: &str) -> Self {
        Self::new(Method::GET, path)
    }

    /// POST of JSON.
    #[must_use]
    pub fn post(path: &str, body: &Value) -> Self {
        Self::new(Method::POST, path).json(body)
    }

    /// With a body in JSON.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        let with = self.header("content-type", "application/json");
        Self {
            body: body.to_string().into(),
            ..with
        }
    }

    /// With a body as it stands.
    #[must_use]
    pub fn body(self, body: Bytes) -> Self {
        Self { body, ..self }
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// With an access token.
    #[must_use]
    pub fn token(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// With an idempotency key.
    #[must_use]
    pub fn key(self, key: Uuid) -> Self {
        self.header("idempotency-key", key.to_string())
    }

    /// As from this client address, which one trusted hop reports.
    #[must_use]
    pub fn from(self, address: impl Into<String>) -> Self {
        Self {
            from: Some(address.into()),
            ..self
        }
    }
}

impl Reply {
    /// The body as JSON; null when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A text of `data`; empty when there is none.
    #[must_use]
    pub fn text(&self, name: &str) -> String {
        let json = self.json();
        json["data"][name].as_str().unwrap_or_default().to_owned()
    }

    /// Whether it is a success.
    #[must_use]
    pub const fn is_ok(&self) -> bool {
        self.status / 100 == 2
    }

    /// Itself, if it has this status.
    ///
    /// # Errors
    /// It has another one; the message shows it.
    pub fn with(self, status: u16) -> Result<Self> {
        if self.status == status {
            return Ok(self);
        }
        let said = String::from_utf8_lossy(&self.body);
        Err(anyhow!("{} instead of {status}: {said}", self.status))
    }
}

impl Door {
    /// Speaks to `http://address`.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build_http();
        Self { address, client }
    }

    /// Where it speaks to.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends a request on a connection of its own.
    ///
    /// # Errors
    /// Nobody listens, or the reply breaks off or does not come within 30 s.
    pub async fn send(&self, ask: &Ask) -> Result<Reply, NoReply> {
        let began = Instant::now();
        let whole = async {
            let (head, body) = self.open(ask).await?.into_parts();
            let body = body
                .collect()
                .await
                .map_err(|it| NoReply::Broken(it.into()))?;
            Ok(Reply {
                status: head.status.as_u16(),
                headers: head.headers,
                body: body.to_bytes(),
                took: began.elapsed(),
            })
        };
        let late = || NoReply::Broken(anyhow!("nothing within {} s", PATIENCE.as_secs()));
        tokio::time::timeout(PATIENCE, whole)
            .await
            .unwrap_or_else(|_| Err(late()))
    }

    /// Sends a request whose reply is read while it is written.
    ///
    /// # Errors
    /// Nobody listens, or no head comes.
    pub async fn open(&self, ask: &Ask) -> Result<Response<Incoming>, NoReply> {
        let request = self.request(ask).map_err(NoReply::Broken)?;
        self.client.request(request).await.map_err(|error| {
            if error.is_connect() {
                NoReply::Refused
            } else {
                NoReply::Broken(error.into())
            }
        })
    }

    fn request(&self, ask: &Ask) -> Result<Request<Full<Bytes>>> {
        let mut request = Request::builder()
            .method(&ask.method)
            .uri(format!("http://{}{}", self.address, ask.path))
            .header(
                "x-forwarded-for",
                ask.from.clone().unwrap_or_else(somewhere),
            )
            .header("connection", "close");
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        let body = Full::new(ask.body.clone());
        request.body(body).context("a request that cannot be sent")
    }
}
