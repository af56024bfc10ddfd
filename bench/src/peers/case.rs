//! What is asked, of whom, and with which token.

use anyhow::{Result, bail};
use contracts::feed::v1::{GetPostRequest, ListFeedRequest};
use prost::Message;

use super::sample;
use crate::load::{Protocol, Template};

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Endpoint {
    /// A post of about 1 KB.
    Post,
    /// A page of twenty, about 22 KB.
    Page,
    /// A post is made.
    Create,
    /// The same post by gRPC-Web.
    GrpcWeb,
}

/// How its token is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Auth {
    /// There is none.
    None,
    /// Each request carries another token, so that its signature is verified.
    EachTime,
    /// All carry the same token; who keeps verified tokens verifies it once.
    Kept,
}

/// One row of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Case {
    pub(super) endpoint: Endpoint,
    pub(super) auth: Auth,
}

/// What is measured: a gateway in one of its configurations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    /// `smilefactory serve edge`, limits in process.
    Edge,
    /// The same, in a process that sees another token with each request.
    EdgeEachTime,
    /// The same without limits and log: as little as it can do.
    EdgeBare,
    /// The same with everything: limits in Redis, the access log, traces.
    EdgeWhole,
    /// By hand, with axum, tonic and serde.
    Floor,
    /// The same without a cache of tokens.
    FloorEachTime,
    /// Envoy with its transcoder, `jwt_authn` and local limits.
    Envoy,
    /// The same without a cache of tokens.
    EnvoyEachTime,
    /// NestJS on Fastify; it has no cache of tokens.
    Nest,
    /// A proxy that passes bytes on.
    Proxy,
    /// An answer that is always the same.
    Fixed,
    /// No gateway: the RPC called at the service itself, by the same callers over as many connections from the same core.
    Direct,
    /// The same over one connection, as a service calls another.
    DirectByOne,
    /// As [`Who::Direct`], from the core where the gateways are: it has nothing to do.
    DirectApart,
}

impl Who {
    /// Its name in results.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Edge => "edge",
            Self::EdgeEachTime => "edge-each-time",
            Self::EdgeBare => "edge-bare",
            Self::EdgeWhole => "edge-whole",
            Self::Floor => "floor",
            Self::FloorEachTime => "floor-each-time",
            Self::Envoy => "envoy",
            Self::EnvoyEachTime => "envoy-each-time",
            Self::Nest => "nestjs",
            Self::Proxy => "proxy",
            Self::Fixed => "static",
            Self::Direct => "direct",
            Self::DirectByOne => "direct-by-one",
            Self::DirectApart => "direct-apart",
        }
    }

    /// Whether it is the service itself.
    pub(super) const fn is_direct(self) -> bool {
        matches!(self, Self::Direct | Self::DirectByOne | Self::DirectApart)
    }

    /// What is posted to it.
    fn creates(self) -> String {
        match self {
            // It reads enums by their names only.
            Self::Envoy | Self::EnvoyEachTime => sample::CREATE
                .replace("\"general\"", "\"POST_TYPE_GENERAL\"")
                .replace("\"public\"", "\"POST_VISIBILITY_PUBLIC\"")
                .replace("\"plain\"", "\"BODY_FORMAT_PLAIN\""),
            _ => sample::CREATE.to_owned(),
        }
    }

    /// The status with which it answers what is created.
    const fn created(self) -> u16 {
        match self {
            // The transcoder knows no other success.
            Self::Envoy | Self::EnvoyEachTime => 200,
            _ => 201,
        }
    }
}

impl Endpoint {
    /// Its name in results.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Post => "post",
            Self::Page => "page",
            Self::Create => "create",
            Self::GrpcWeb => "grpc-web",
        }
    }

    /// The request for it, as it is sent to a gateway or to the service.
    pub(super) fn template(self, who: Who) -> Result<Template> {
        if who.is_direct() {
            return self.call();
        }
        let (method, target, content, body) = match self {
            Self::Post => (
                "GET",
                format!("/api/v1/posts/{}", sample::POST_ID),
                None,
                Vec::new(),
            ),
            Self::Page => ("GET", "/api/v1/feed?limit=20".to_owned(), None, Vec::new()),
            Self::Create => (
                "POST",
                "/api/v1/posts".to_owned(),
                Some("application/json"),
                who.creates().into(),
            ),
            Self::GrpcWeb => {
                let path = "/smilefactory.feed.v1.FeedService/GetPost".to_owned();
                (
                    "POST",
                    path,
                    Some("application/grpc-web+proto"),
                    framed(&get_post())?,
                )
            }
        };
        let mut headers = vec![("user-agent".to_owned(), "smilefactory-bench".to_owned())];
        if let Some(content) = content {
            headers.push(("content-type".to_owned(), content.to_owned()));
        }
        if self == Self::GrpcWeb {
            headers.push(("x-grpc-web".to_owned(), "1".to_owned()));
        }
        Ok(Template {
            method: method.to_owned(),
            targets: vec![target],
            headers,
            body,
            expect: if self == Self::Create {
                who.created()
            } else {
                200
            },
            protocol: match self {
                Self::GrpcWeb => Protocol::GrpcWeb,
                _ => Protocol::Http,
            },
            length: None,
        })
    }

    /// The RPC.
    fn call(self) -> Result<Template> {
        let (method, asked, answer) = match self {
            Self::Post => ("GetPost", framed(&get_post())?, framed(&sample::post())?),
            Self::Page => ("ListFeed", framed(&list_feed())?, framed(&sample::page())?),
            Self::Create | Self::GrpcWeb => bail!("{} is asked of gateways only", self.name()),
        };
        Ok(Template {
            method: "POST".to_owned(),
            targets: vec![format!("/smilefactory.feed.v1.FeedService/{method}")],
            headers: vec![
                ("user-agent".to_owned(), "smilefactory-bench".to_owned()),
                ("content-type".to_owned(), "application/grpc".to_owned()),
            ],
            body: asked,
            expect: 200,
            protocol: Protocol::Grpc,
            length: Some(answer.len() as u64),
        })
    }
}

/// Asks for the post.
pub(super) fn get_post() -> GetPostRequest {
    GetPostRequest {
        id: sample::POST_ID.to_owned(),
    }
}

/// Asks for the page.
pub(super) fn list_feed() -> ListFeedRequest {
    ListFeedRequest {
        limit: Some(20),
        ..ListFeedRequest::default()
    }
}

fn framed(message: &impl Message) -> Result<Vec<u8>> {
    let message = message.encode_to_vec();
    let length = u32::try_from(message.len())?;
    Ok([&[0], &length.to_be_bytes()[..], &message].concat())
}

impl Case {
    /// Its name in results.
    pub(super) fn name(self) -> String {
        let auth = match self.auth {
            Auth::None => "no-token",
            Auth::EachTime => "each-time",
            Auth::Kept => "kept",
        };
        format!("{}/{auth}", self.endpoint.name())
    }

    /// Who can be asked. Creating needs a token everywhere; the ceilings look at nothing.
    pub(super) fn whom(self) -> &'static [Who] {
        use Who::{
            Direct, DirectApart, DirectByOne, Edge, EdgeBare, EdgeEachTime, EdgeWhole, Envoy,
            EnvoyEachTime, Fixed, Floor, FloorEachTime, Nest, Proxy,
        };
        match (self.endpoint, self.auth) {
            (Endpoint::Post, Auth::None) => &[
                Edge,
                Floor,
                Envoy,
                Nest,
                EdgeBare,
                EdgeWhole,
                Proxy,
                Fixed,
                Direct,
                DirectByOne,
                DirectApart,
            ],
            (Endpoint::Page, Auth::None) => &[
                Edge,
                Floor,
                Envoy,
                Nest,
                Fixed,
                Direct,
                DirectByOne,
                DirectApart,
            ],
            // With a token the edge keeps no replies, so that everything is done each time.
            (Endpoint::Page | Endpoint::Create, Auth::Kept) => {
                &[Edge, Floor, Envoy, EdgeBare, EdgeWhole]
            }
            (Endpoint::Post, Auth::Kept) => &[Edge, Floor, Envoy],
            (Endpoint::Post | Endpoint::Page | Endpoint::Create, Auth::EachTime) => {
                &[EdgeEachTime, FloorEachTime, EnvoyEachTime, Nest]
            }
            (Endpoint::Create, Auth::None) => &[],
            (Endpoint::GrpcWeb, Auth::None | Auth::Kept) => &[Edge, Envoy],
            (Endpoint::GrpcWeb, Auth::EachTime) => &[EdgeEachTime, EnvoyEachTime],
        }
    }

    /// All that are measured.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let endpoints = [
            Endpoint::Post,
            Endpoint::Page,
            Endpoint::Create,
            Endpoint::GrpcWeb,
        ];
        let auths = [Auth::None, Auth::EachTime, Auth::Kept];
        endpoints
            .into_iter()
            .flat_map(move |endpoint| auths.map(|auth| Self { endpoint, auth }))
            .filter(|case| !case.whom().is_empty())
    }
}
