//! A plain HTTP client: one request, one reply, nothing hidden.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::Lines;

/// Speaks HTTP/1.1 to one address.
#[derive(Debug, Clone)]
pub struct Client {
    base: String,
    pool: Pool<HttpConnector, Full<Bytes>>,
    token: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub body: Bytes,
}

impl Reply {
    /// The body as JSON; null when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// `data` of a success, after checking that it is one with this status.
    ///
    /// # Panics
    /// When the reply is another one; the message shows it.
    #[track_caller]
    pub fn data(&self, status: u16) -> Value {
        let json = self.json();
        assert_eq!(self.status, status, "{json}");
        assert_eq!(json["success"], true, "{json}");
        assert!(json["meta"]["requestId"].is_string(), "{json}");
        json["data"].clone()
    }

    /// The error's code, after checking the shape every failure has (CV-3, CV-4).
    ///
    /// # Panics
    /// When the reply is no failure with this status and shape.
    #[track_caller]
    pub fn refused(&self, status: u16) -> String {
        let json = self.json();
        assert_eq!(self.status, status, "{json}");
        assert_eq!(json["success"], false, "{json}");
        assert_eq!(json["statusCode"], status, "{json}");
        assert_eq!(json["message"], json["error"]["message"], "{json}");
        assert!(json["error"]["details"].is_array(), "{json}");
        assert_eq!(
            json["meta"]["requestId"].as_str(),
            self.header("x-request-id"),
            "{json}"
        );
        json["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// The fields a refused request names.
    #[must_use]
    pub fn fields(&self) -> Vec<String> {
        let json = self.json();
        let details = json["error"]["details"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        details
            .iter()
            .filter_map(|d| d["field"].as_str().map(str::to_owned))
            .collect()
    }

    /// A header's text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl Client {
    /// A client for `http://address`.
    #[must_use]
    pub fn new(address: std::net::SocketAddr) -> Self {
        Self {
            base: format!("http://{address}"),
            pool: Pool::builder(TokioExecutor::new()).build_http(),
            token: None,
        }
    }

    /// The same client with a token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    /// The token it speaks with.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The same client, token included, before another door.
    #[must_use]
    pub fn before(&self, door: &Self) -> Self {
        Self {
            token: self.token.clone(),
            ..door.clone()
        }
    }

    /// POST with an idempotency key.
    pub async fn post_keyed(&self, path: &str, key: &str, body: &Value) -> Reply {
        let headers = [
            ("content-type", "application/json"),
            ("idempotency-key", key),
        ];
        self.send(Method::POST, path, &headers, body.to_string())
            .await
    }

    /// Where it speaks to.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Sends a request as it stands.
    ///
    /// # Panics
    /// When no reply comes.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Reply {
        let reply = self.reply(method, path, headers, body.into()).await;
        let (head, body) = reply.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        Reply {
            status: head.status,
            headers: head.headers,
            body,
        }
    }

    /// GET of a reply that is read while it is written.
    ///
    /// # Panics
    /// When no reply comes.
    pub async fn open(&self, path: &str, headers: &[(&str, &str)]) -> Lines {
        let reply = self.reply(Method::GET, path, headers, Bytes::new());
        Lines::of(reply.await)
    }

    async fn reply(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Response<Incoming> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request
            .body(Full::new(body))
            .expect("a well-formed request");
        self.pool.request(request).await.expect("a reply")
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, &[], Bytes::new()).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.json(Method::POST, path, &body).await
    }

    /// PUT with a JSON body.
    pub async fn put(&self, path: &str, body: Value) -> Reply {
        self.json(Method::PUT, path, &body).await
    }

    /// PATCH with a JSON body.
    pub async fn patch(&self, path: &str, body: Value) -> Reply {
        self.json(Method::PATCH, path, &body).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Reply {
        self.send(Method::DELETE, path, &[], Bytes::new()).await
    }

    async fn json(&self, method: Method, path: &str, body: &Value) -> Reply {
        self.send(
            method,
            path,
            &[("content-type", "application/json")],
            body.to_string(),
        )
        .await
    }
}
