//! The floor: what one would write by hand for exactly these three RPCs, with axum, tonic and serde. No descriptors, no
//! envelope, no conditional requests, no deadlines, no identity for the service: less than a gateway has to do.

mod auth;
mod json;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use contracts::feed::v1::feed_service_client::FeedServiceClient;
use contracts::feed::v1::{GetPostRequest, ListFeedRequest};
use serde::{Deserialize, Serialize};
use tonic::transport::Channel;

use self::auth::Guard;
use self::json::{CreateJson, PageJson, PostJson};

/// What every request needs.
#[derive(Clone, Debug)]
struct Gateway {
    feed: FeedServiceClient<Channel>,
    guard: Arc<Guard>,
}

/// The refusals there are.
#[derive(Debug)]
enum Refused {
    TooMany,
    Unauthorized,
    BadRequest,
    Upstream,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Upstream => StatusCode::BAD_GATEWAY,
        }
        .into_response()
    }
}

impl From<tonic::Status> for Refused {
    fn from(_status: tonic::Status) -> Self {
        Self::Upstream
    }
}

/// Serves until the process ends.
///
/// # Errors
/// The address cannot be listened at.
pub(super) async fn run(
    address: SocketAddr,
    upstream: SocketAddr,
    jwks: &str,
    cache: bool,
) -> Result<()> {
    let channel = Channel::from_shared(format!("http://{upstream}"))?
        .tcp_nodelay(true)
        .connect_lazy();
    let gateway = Gateway {
        feed: FeedServiceClient::new(channel),
        guard: Arc::new(Guard::new(jwks, cache)?),
    };
    let routes = Router::new()
        .route("/api/v1/posts/{id}", get(get_post))
        .route("/api/v1/feed", get(list_feed))
        .route("/api/v1/posts", post(create_post))
        .with_state(gateway);
    let listener = tokio::net::TcpListener::bind(address).await?;
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(
        axum::serve::ListenerExt::tap_io(listener, |socket| drop(socket.set_nodelay(true))),
        service,
    )
    .await?;
    Ok(())
}

async fn get_post(
    State(mut gateway): State<Gateway>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    gateway.admit(peer, &headers, false)?;
    let post = gateway
        .feed
        .get_post(GetPostRequest { id })
        .await?
        .into_inner();
    answer(StatusCode::OK, &PostJson::from(&post))
}

/// What a list may be asked.
#[derive(Debug, Deserialize)]
struct Asked {
    page: Option<i32>,
    limit: Option<i32>,
    cursor: Option<String>,
    search: Option<String>,
}

async fn list_feed(
    State(mut gateway): State<Gateway>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    gateway.admit(peer, &headers, false)?;
    let request = ListFeedRequest {
        page: asked.page,
        limit: asked.limit,
        cursor: asked.cursor,
        search: asked.search.unwrap_or_default(),
        ..ListFeedRequest::default()
    };
    let page = gateway.feed.list_feed(request).await?.into_inner();
    answer(StatusCode::OK, &PageJson::from(&page))
}

async fn create_post(
    State(mut gateway): State<Gateway>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    gateway.admit(peer, &headers, true)?;
    let asked: CreateJson =
        serde_json::from_slice(&body).map_err(|_malformed| Refused::BadRequest)?;
    let request = asked.message().ok_or(Refused::BadRequest)?;
    let post = gateway.feed.create_post(request).await?.into_inner();
    answer(StatusCode::CREATED, &PostJson::from(&post))
}

impl Gateway {
    /// Counts the request and checks its token, if it has one or needs one.
    fn admit(&self, peer: SocketAddr, headers: &HeaderMap, needed: bool) -> Result<(), Refused> {
        if !self.guard.admits(peer.ip()) {
            return Err(Refused::TooMany);
        }
        let Some(given) = headers.get(AUTHORIZATION) else {
            return if needed {
                Err(Refused::Unauthorized)
            } else {
                Ok(())
            };
        };
        let token = given
            .to_str()
            .ok()
            .and_then(|it| it.strip_prefix("Bearer "));
        match token {
            Some(token) if self.guard.is_right(token) => Ok(()),
            _ => Err(Refused::Unauthorized),
        }
    }
}

fn answer(status: StatusCode, json: &impl Serialize) -> Result<Response, Refused> {
    let text = serde_json::to_vec(json).map_err(|_error| Refused::Upstream)?;
    Ok((status, [(CONTENT_TYPE, "application/json")], text).into_response())
}

/// Returns the JSON of the post.
///
/// # Errors
/// It cannot be printed.
pub(super) fn post_json() -> Result<Bytes> {
    Ok(serde_json::to_vec(&PostJson::from(&super::sample::post()))?.into())
}

/// Returns the JSON of the page.
///
/// # Errors
/// It cannot be printed.
pub(super) fn page_json() -> Result<Bytes> {
    Ok(serde_json::to_vec(&PageJson::from(&super::sample::page()))?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_messages_are_as_large_as_the_targets_say() {
        let (post, page) = (post_json().unwrap().len(), page_json().unwrap().len());
        assert!((1_000..1_800).contains(&post), "a post of {post} bytes");
        assert!((20_000..26_000).contains(&page), "a page of {page} bytes");
    }
}
