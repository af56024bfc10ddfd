//! Where a request goes: an endpoint of the door's own, or an RPC found in the descriptors (GW-1, CV-1, K-7).

use std::borrow::Cow;

use contracts::RpcRule;
use fault::{Fault, Reason};
use http::{HeaderValue, Method};
use percent_encoding::percent_decode_str;
use transcode::{Match, RouteError, Transcoder};

use crate::gates::{Destination, Terms};
use crate::respond::Refusal;

/// The methods of every endpoint of the door's own.
const OWN_METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

/// All routes.
#[derive(Debug)]
pub(crate) struct Routes {
    pub(crate) transcoder: Transcoder,
    retired: Vec<u32>,
    inbox: bool,
}

/// Where a request goes.
#[derive(Debug)]
pub(crate) enum Target<'r> {
    /// An endpoint of the door's own.
    Own(Own<'r>),
    /// A question for the methods of a path.
    Methods(HeaderValue),
    /// An RPC, with its rules.
    Rpc(Match<'r>, &'static RpcRule),
}

/// The door's own endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Own<'r> {
    Health,
    Live,
    Ready,
    /// The docs page, or the asset of this name.
    Docs(&'r str),
    OpenApi,
    Inbox,
    InboxJson,
}

impl Routes {
    /// Compiles the contracts' routes; two that match the same request with equal rank are an error (GW-1).
    pub(crate) fn new(retired: &[u32], inbox: bool) -> anyhow::Result<Self> {
        Ok(Self {
            transcoder: Transcoder::new(contracts::DESCRIPTOR)?,
            retired: retired.to_vec(),
            inbox,
        })
    }

    /// Finds where a request goes.
    pub(crate) fn resolve<'r>(
        &'r self,
        method: &Method,
        path: &'r str,
    ) -> Result<Target<'r>, Refusal> {
        if let Some(own) = self.own(path) {
            return match *method {
                Method::GET | Method::HEAD => Ok(Target::Own(own)),
                Method::OPTIONS => Ok(Target::Methods(OWN_METHODS)),
                _ => Err(Refusal::method_not_allowed(&OWN_METHODS)),
            };
        }
        let path = self.versioned(path)?;
        match self.transcoder.find(method.as_str(), &path) {
            Ok(found) => match contracts::rpc(&found.route.rpc) {
                Some(rule) => Ok(Target::Rpc(found, rule)),
                None => Err(Fault::of(Reason::NotFound).into()),
            },
            Err(RouteError::MethodNotAllowed { allow }) => {
                let allow = HeaderValue::from_str(&allow.join(", ")).map_err(Fault::internal)?;
                if method == Method::OPTIONS {
                    Ok(Target::Methods(allow))
                } else {
                    Err(Refusal::method_not_allowed(&allow))
                }
            }
            Err(RouteError::NotFound) => {
                Err(Fault::new(Reason::NotFound, "There is nothing at this path").into())
            }
            Err(RouteError::BadPath(why)) => Err(Fault::invalid("path", why).into()),
        }
    }

    fn own<'r>(&self, path: &'r str) -> Option<Own<'r>> {
        let path = path.strip_suffix('/').unwrap_or(path);
        Some(match path {
            "/health" => Own::Health,
            "/livez" => Own::Live,
            "/readyz" => Own::Ready,
            "/api/docs" => Own::Docs(""),
            "/api/docs/openapi.json" => Own::OpenApi,
            "/dev/inbox" if self.inbox => Own::Inbox,
            "/dev/inbox.json" if self.inbox => Own::InboxJson,
            _ => Own::Docs(path.strip_prefix("/api/docs/")?),
        })
    }

    /// Returns the path with its version: `/api/<resource>` means the newest one, another number is gone or reserved. The
    /// segment is decoded first, so that `%76%32` is the version 2 that routing would see.
    pub(crate) fn versioned<'p>(&self, path: &'p str) -> Result<Cow<'p, str>, Fault> {
        let Some(rest) = path.strip_prefix("/api/") else {
            return Ok(Cow::Borrowed(path));
        };
        let first = rest.split('/').next().unwrap_or_default();
        let segment = percent_decode_str(first).decode_utf8_lossy();
        let number = segment
            .strip_prefix('v')
            .filter(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()));
        match number.map(str::parse::<u32>) {
            Some(Ok(1)) => Ok(Cow::Borrowed(path)),
            Some(Ok(version)) if self.retired.contains(&version) => Err(Fault::new(
                Reason::Gone,
                format!("Version {version} of the API is retired"),
            )),
            Some(_) => Err(Fault::new(Reason::NotFound, "The API has no such version")),
            None if first.is_empty() => Ok(Cow::Borrowed(path)),
            None => Ok(Cow::Owned(format!("/api/v1/{rest}"))),
        }
    }
}

impl Destination for Target<'_> {
    fn terms(&self, method: &Method) -> Terms {
        match self {
            Self::Rpc(found, rule) => Terms::of(rule, found.route.template.clone(), method),
            Self::Own(own) => Terms {
                route: Some(own.template().into()),
                probe: own.is_probe(),
                ..Terms::open(method)
            },
            Self::Methods(_) => Terms::open(method),
        }
    }
}

impl Own<'_> {
    /// The name of the endpoint in logs and metrics.
    pub(crate) fn template(self) -> &'static str {
        match self {
            Self::Health => "/health",
            Self::Live => "/livez",
            Self::Ready => "/readyz",
            Self::Docs("") => "/api/docs",
            Self::Docs(_) => "/api/docs/{asset}",
            Self::OpenApi => "/api/docs/openapi.json",
            Self::Inbox => "/dev/inbox",
            Self::InboxJson => "/dev/inbox.json",
        }
    }

    /// Reports whether probes ask for it: they are not limited and not logged.
    pub(crate) fn is_probe(self) -> bool {
        matches!(self, Self::Health | Self::Live | Self::Ready)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k_7_a_path_without_a_version_means_the_newest() {
        let routes = Routes::new(&[0], false).unwrap();
        for (path, versioned) in [
            ("/api/feed", "/api/v1/feed"),
            ("/api/v1/feed", "/api/v1/feed"),
            ("/api/video/1", "/api/v1/video/1"),
            ("/api/v/1", "/api/v1/v/1"),
            ("/api", "/api"),
            ("/.well-known/jwks.json", "/.well-known/jwks.json"),
        ] {
            assert_eq!(routes.versioned(path).unwrap(), versioned);
        }
        for (path, reason) in [
            ("/api/v2/feed", Reason::NotFound),
            ("/api/v2", Reason::NotFound),
            ("/api/%76%32/feed", Reason::NotFound),
            ("/api/v99999999999/feed", Reason::NotFound),
            ("/api/v0/feed", Reason::Gone),
        ] {
            assert_eq!(
                routes.versioned(path).unwrap_err().reason(),
                reason,
                "{path}"
            );
        }
    }
}
