//! Which pages of other origins may read replies (HD-4, GW-8): one list of exact origins, preflight for every path.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
};
use http::{HeaderMap, HeaderValue, Method};

const METHODS: HeaderValue =
    HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
/// HD-1, what a compressed body needs (GW-29), and what gRPC-Web clients send.
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "Authorization, Content-Type, Content-Encoding, X-Request-Id, Idempotency-Key, If-Match, If-None-Match, Accept, \
     Accept-Encoding, Last-Event-ID, traceparent, X-Request-Timeout, X-Grpc-Web, X-User-Agent, Grpc-Timeout",
);
/// HD-2, what else the door and its services say to clients, and the outcome of gRPC-Web calls.
const REPLY_HEADERS: HeaderValue = HeaderValue::from_static(
    "X-Request-Id, ETag, Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-RateLimit-Policy, \
     X-Total-Count, X-Page, X-Page-Size, Idempotency-Replayed, Allow, Location, Content-Encoding, Content-Disposition, \
     Accept-Encoding, Warning, grpc-status, grpc-message, grpc-status-details-bin",
);
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// The list of origins whose pages may read replies.
#[derive(Debug)]
pub(crate) struct Cors {
    origins: Vec<HeaderValue>,
    any: bool,
}

impl Cors {
    /// Reads the configured list; an entry that no browser could send as `Origin` is an error.
    pub(crate) fn new(origins: &[String]) -> anyhow::Result<Self> {
        let mut cors = Self {
            origins: Vec::new(),
            any: false,
        };
        for origin in origins {
            if origin == "*" {
                cors.any = true;
                continue;
            }
            let authority = origin.split_once("://").map(|(_, rest)| rest);
            let exact = authority.is_some_and(|rest| {
                !rest.is_empty() && !rest.contains(['/', '?', '#', '@', '*', ' '])
            });
            anyhow::ensure!(
                exact,
                "origin `{origin}` is not of the form scheme://host[:port]"
            );
            cors.origins
                .push(HeaderValue::from_str(&origin.to_ascii_lowercase())?);
        }
        Ok(cors)
    }

    /// Reports whether a request is a preflight: an OPTIONS that names the method it asks for, and nothing else.
    pub(crate) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
        method == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
    }

    /// Adds what a reply to `request` says about origins.
    pub(crate) fn describe(&self, method: &Method, request: &HeaderMap, reply: &mut HeaderMap) {
        let Some(allowed) = self.allowed(request) else {
            return;
        };
        if allowed != "*" {
            reply.insert(
                ACCESS_CONTROL_ALLOW_CREDENTIALS,
                HeaderValue::from_static("true"),
            );
        }
        reply.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        reply.insert(ACCESS_CONTROL_EXPOSE_HEADERS, REPLY_HEADERS);
        if Self::is_preflight(method, request) {
            reply.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            reply.insert(ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
            reply.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        }
    }

    /// Returns the value of `Access-Control-Allow-Origin`: the origin itself when listed. Two `Origin` headers are no origin.
    fn allowed(&self, request: &HeaderMap) -> Option<HeaderValue> {
        let mut values = request.get_all(ORIGIN).iter();
        let (origin, None) = (values.next()?, values.next()) else {
            return None;
        };
        if self.origins.contains(origin) {
            return Some(origin.clone());
        }
        self.any.then(|| HeaderValue::from_static("*"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allow_origin(cors: &Cors, origins: &[&str]) -> Option<String> {
        let (mut request, mut reply) = (HeaderMap::new(), HeaderMap::new());
        for origin in origins {
            request.append(ORIGIN, HeaderValue::from_bytes(origin.as_bytes()).unwrap());
        }
        cors.describe(&Method::GET, &request, &mut reply);
        reply
            .get(ACCESS_CONTROL_ALLOW_ORIGIN)
            .map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn hd_4_t21_only_listed_origins_exactly() {
        let cors = Cors::new(&crate::Config::default().origins).unwrap();
        for listed in crate::Config::default().origins {
            assert_eq!(allow_origin(&cors, &[&listed]), Some(listed));
        }
        for foreign in [
            "null",
            "",
            "*",
            "http://localhost",
            "http://localhost:80",
            "https://localhost:3000",
            "http://localhost:30000",
            "http://localhost:3000.evil.example",
            "http://localhost:3000@evil.example",
            "http://evil.example#localhost:3000",
            "http://sub.localhost:3000",
            "http://localhost:3000/",
            "http://LOCALHOST:3000",
            " http://localhost:3000",
            "http://127.0.0.1:3001",
            "http://[::1]:3000",
            "http://localhost:3000, http://evil.example",
            "file://",
        ] {
            assert_eq!(allow_origin(&cors, &[foreign]), None, "{foreign}");
        }
        assert_eq!(
            allow_origin(&cors, &["http://localhost:3000", "http://evil.example"]),
            None
        );
    }

    #[test]
    fn hd_4_credentials_never_go_with_a_star() {
        let cors = Cors::new(&["*".to_owned(), "http://one.example".to_owned()]).unwrap();
        for (origin, allowed, credentials) in [
            ("http://x.example", "*", false),
            ("http://one.example", "http://one.example", true),
        ] {
            let (mut request, mut reply) = (HeaderMap::new(), HeaderMap::new());
            request.insert(ORIGIN, origin.parse().unwrap());
            cors.describe(&Method::GET, &request, &mut reply);
            assert_eq!(reply[ACCESS_CONTROL_ALLOW_ORIGIN], allowed);
            assert_eq!(
                reply.contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS),
                credentials
            );
        }
    }

    #[test]
    fn a_configured_origin_must_be_exact() {
        for bad in [
            "localhost:3000",
            "http://",
            "http://a.example/",
            "http://*.example",
            "http://u@a.example",
        ] {
            assert!(Cors::new(&[bad.to_owned()]).is_err(), "{bad}");
        }
    }
}
