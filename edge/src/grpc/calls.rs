//! What can be called over gRPC: the RPCs that have a route, and nothing else.

use std::collections::HashMap;

use chassis::Claim;
use contracts::RpcRule;
use fault::{Fault, Reason};
use http::request::Parts;
use http::{HeaderValue, Method, Version};
use transcode::Route;

use super::{Dialect, reflection};
use crate::gates::{Destination, Terms};
use crate::respond::Refusal;

/// What can be called.
#[derive(Debug)]
pub(crate) struct Calls {
    /// What each path counts as: the method of its first route that does more than read, GET if none does.
    methods: HashMap<String, Method>,
    /// The reflection services by path; none when reflection is off.
    reflection: HashMap<&'static str, mesh::Hosted>,
}

/// What is called.
#[derive(Debug)]
pub(super) enum Call {
    /// An RPC that has a route.
    Rpc {
        rule: &'static RpcRule,
        /// The method it counts as.
        method: Method,
    },
    /// Reflection, by its path.
    Reflection(&'static str, mesh::Hosted),
}

impl Calls {
    pub(crate) fn new(routes: &[Route], reflected: bool) -> anyhow::Result<Self> {
        let mut methods = HashMap::new();
        for route in routes {
            let method = methods.entry(route.rpc.clone()).or_insert(Method::GET);
            if *method == Method::GET {
                *method = Method::from_bytes(route.method.as_bytes())?;
            }
        }
        let reflection = if reflected {
            reflection::services()?
        } else {
            HashMap::new()
        };
        Ok(Self {
            methods,
            reflection,
        })
    }

    /// Finds what a request calls. RPCs for services only are as unknown here as those that do not exist.
    pub(super) fn resolve(&self, dialect: Dialect, parts: &Parts) -> Result<Call, Refusal> {
        if dialect == Dialect::Foreign {
            return Err(Fault::new(
                Reason::UnsupportedMediaType,
                "The content type must be application/grpc, application/grpc-web or application/grpc-web-text, with +proto or nothing after it",
            )
            .into());
        }
        if parts.method != Method::POST {
            return Err(Refusal::method_not_allowed(&HeaderValue::from_static(
                "POST",
            )));
        }
        if dialect == Dialect::Native && parts.version < Version::HTTP_2 {
            return Err(Fault::new(
                Reason::UpgradeRequired,
                "gRPC needs HTTP/2; over HTTP/1.1 there is application/grpc-web",
            )
            .into());
        }
        let path = parts.uri.path();
        if let Some((path, service)) = self.reflection.get_key_value(path) {
            return Ok(Call::Reflection(path, service.clone()));
        }
        match contracts::rpc(path) {
            Some(rule) if rule.public => Ok(Call::Rpc {
                rule,
                method: self.methods.get(path).cloned().unwrap_or(Method::POST),
            }),
            _ => Err(Fault::new(Reason::NotImplemented, "There is no such RPC").into()),
        }
    }
}

impl Destination for Call {
    fn terms(&self, _: &Method) -> Terms {
        match self {
            // Every call is a POST; what it is counted as depends on what it does.
            Self::Rpc { rule, method } => Terms::of(rule, rule.path, method),
            Self::Reflection(path, _) => Terms {
                route: Some((*path).into()),
                claim: Claim::Stream,
                ..Terms::open(&Method::GET)
            },
        }
    }
}
