//! A logout at one edge, seen at the other (I-12, N-5).

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::uri::PathAndQuery;
use http_body_util::BodyExt as _;
use mesh::Verbatim;
use serde_json::json;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request};

use super::Row;
use super::invariants;
use super::stage::Stage;
use super::writers::address;
use crate::deployment::{Ask, Door, Entry, Session, somewhere, until};

/// The RPC behind `GET /api/v1/auth/me`.
const ME: &str = "/smilefactory.auth.v1.AuthService/GetMe";

/// A gRPC frame of an empty message.
const EMPTY: &[u8] = &[0; 5];

/// From the reply to a logout until each way in was closed.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// REST is refused.
    pub rest: Duration,
    /// gRPC is refused.
    pub grpc: Duration,
    /// gRPC-Web is refused.
    pub grpc_web: Duration,
    /// A stream that was open has ended.
    pub stream: Duration,
}

/// Signs somebody in at the first edge, opens a stream at the second, signs out at the first, and looks at the second until every way in
/// is closed. The session then stays out at both.
///
/// # Errors
/// A way in works before it should not, or still after two minutes.
pub async fn run(entry: &Entry) -> Result<Seen> {
    let session = entry.sign_in(0, &address("leaving")).await?;
    let [one, other] = &entry.edges;
    let channel = Endpoint::from_shared(format!("http://{}", other.address()))?
        .connect()
        .await?;
    until("the other edge lets the session in", async || {
        let all = rest(other, &session).await? && web(other, &session).await?;
        Ok(all && grpc(&channel, &session).await?)
    })
    .await?;
    let open = Ask::get("/api/v1/feed/stream").header("accept", "application/x-ndjson");
    let stream = other.open(&open.token(&session.access)).await?;
    ensure!(stream.status() == 200, "the stream: {}", stream.status());
    let mut stream = stream.into_body();

    let leave = Ask::post("/api/v1/auth/logout", &json!({})).token(&session.access);
    one.send(&leave).await?.with(200)?;
    let left = Instant::now();
    let ended = async {
        while let Some(Ok(_)) = stream.frame().await {}
        left.elapsed()
    };
    let ended = tokio::time::timeout(crate::deployment::LONGEST, ended);
    let (rest, grpc, grpc_web, stream) = tokio::join!(
        until("REST is closed", async || Ok(!rest(other, &session).await?)),
        until("gRPC is closed", async || Ok(
            !grpc(&channel, &session).await?
        )),
        until("gRPC-Web is closed", async || Ok(
            !web(other, &session).await?
        )),
        ended
    );
    let seen = Seen {
        rest: rest?,
        grpc: grpc?,
        grpc_web: grpc_web?,
        stream: stream.context("the stream does not end")?,
    };
    let wrong = invariants::stays_out(entry, &session).await?;
    ensure!(wrong.is_empty(), "{wrong:?}");
    Ok(seen)
}

/// Whether REST lets the session in; anything but 200 and 401 is an error.
async fn rest(door: &Door, session: &Session) -> Result<bool> {
    let reply = door
        .send(&Ask::get("/api/v1/auth/me").token(&session.access))
        .await?;
    ensure!(matches!(reply.status, 200 | 401), "REST: {}", reply.status);
    Ok(reply.status == 200)
}

async fn grpc(channel: &Channel, session: &Session) -> Result<bool> {
    let mut request = Request::new(Bytes::new());
    let bearer = format!("Bearer {}", session.access).parse()?;
    request.metadata_mut().insert("authorization", bearer);
    let from = somewhere().parse()?;
    request.metadata_mut().insert("x-forwarded-for", from);
    let mut client = Grpc::new(channel.clone());
    client.ready().await?;
    match client
        .unary(request, PathAndQuery::from_static(ME), Verbatim)
        .await
    {
        Ok(_) => Ok(true),
        Err(status) if status.code() == Code::Unauthenticated => Ok(false),
        Err(status) => Err(status.into()),
    }
}

async fn web(door: &Door, session: &Session) -> Result<bool> {
    let ask = Ask::new(http::Method::POST, ME)
        .header("content-type", "application/grpc-web+proto")
        .body(Bytes::from_static(EMPTY));
    let reply = door.send(&ask.token(&session.access)).await?;
    let in_head = reply
        .headers
        .get("grpc-status")
        .and_then(|it| it.to_str().ok());
    // The trailers are the last frame of the body, in text.
    let text = String::from_utf8_lossy(&reply.body);
    let in_body = text
        .rsplit_once("grpc-status:")
        .map(|(_, rest)| rest.trim_start());
    let status = in_head.or(in_body).context("no grpc-status")?;
    let digits: String = status.chars().take_while(char::is_ascii_digit).collect();
    match digits.as_str() {
        "0" => Ok(true),
        "16" => Ok(false),
        other => anyhow::bail!("gRPC-Web: {other}"),
    }
}

pub(super) async fn bench() -> Result<Vec<Row>> {
    let stage = Stage::built("").await?;
    let mut worst = [Duration::ZERO; 4];
    for _ in 0..50 {
        let seen = run(&stage.cluster.entry).await?;
        for (worst, seen) in
            worst
                .iter_mut()
                .zip([seen.rest, seen.grpc, seen.grpc_web, seen.stream])
        {
            *worst = seen.max(*worst);
        }
    }
    stage.stop().await?;
    let names = ["REST", "gRPC", "gRPC-Web", "an open stream"];
    let row = |(name, worst): (&str, Duration)| {
        let what = format!("logout: {name} closed at the other edge, slowest of 50");
        Row::at_most(what, worst, Duration::from_secs(2))
    };
    Ok(names.into_iter().zip(worst).map(row).collect())
}
