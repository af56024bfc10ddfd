//! The ceilings: a proxy that passes bytes on, and an answer that is always the same. Nothing that looks at a message can
//! cost less.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::serve::serve;

/// Answers everything with the JSON of the post, or of the page for `/api/v1/feed`.
///
/// # Errors
/// The address cannot be listened at.
pub(super) async fn fixed(address: SocketAddr) -> Result<()> {
    let (post, page) = (super::floor::post_json()?, super::floor::page_json()?);
    serve(address, move |request: Request<Incoming>| {
        let json = if request.uri().path() == "/api/v1/feed" {
            &page
        } else {
            &post
        };
        let mut reply = Response::new(Full::new(json.clone()));
        reply
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        std::future::ready(reply)
    })
    .await
}

/// Passes every request on to `upstream` over kept HTTP/1.1 connections, and the answer back.
///
/// # Errors
/// The address cannot be listened at.
pub(super) async fn proxy(address: SocketAddr, upstream: SocketAddr) -> Result<()> {
    let client: Client<HttpConnector, Incoming> = {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Client::builder(TokioExecutor::new()).build(connector)
    };
    let host = HeaderValue::from_str(&upstream.to_string()).context("the upstream's address")?;
    serve(address, move |request| {
        pass(client.clone(), upstream, host.clone(), request)
    })
    .await
}

async fn pass(
    client: Client<HttpConnector, Incoming>,
    upstream: SocketAddr,
    host: HeaderValue,
    mut request: Request<Incoming>,
) -> Response<Either<Incoming, Full<Bytes>>> {
    let path = request.uri().path_and_query().map_or("/", |it| it.as_str());
    let Ok(uri) = format!("http://{upstream}{path}").parse::<Uri>() else {
        return bad_gateway();
    };
    *request.uri_mut() = uri;
    request.headers_mut().insert(HOST, host);
    match client.request(request).await {
        Ok(reply) => reply.map(Either::Left),
        Err(_broken) => bad_gateway(),
    }
}

fn bad_gateway() -> Response<Either<Incoming, Full<Bytes>>> {
    let mut reply = Response::new(Either::Right(Full::default()));
    *reply.status_mut() = StatusCode::BAD_GATEWAY;
    reply
}
