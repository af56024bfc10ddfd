//! Whether an endpoint serves: one call of gRPC's health check (SC-7).

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request};
use prost::Message;
use tonic::Code;

use super::{Failure, connection::Entered};
use crate::timed::{code_name, code_of};

const PATH: &str = "/grpc.health.v1.Health/Check";
/// The longest an endpoint takes to say that it serves.
const PATIENCE: Duration = Duration::from_secs(1);
/// The empty question, which is about the process as a whole, in gRPC's frame.
const QUESTION: &[u8] = &[0; 5];
/// The longest answer that is one, in bytes.
const LONGEST: usize = 64;

/// `grpc.health.v1.HealthCheckResponse`.
#[derive(Clone, PartialEq, Message)]
struct Answer {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// `SERVING`.
const SERVING: i32 = 1;

/// Asks whether the endpoint serves. Who has no health check but answers is believed to.
pub(super) async fn check(place: &Entered, authority: &str) -> Result<(), Failure> {
    tokio::time::timeout(PATIENCE, ask(place, authority))
        .await
        .map_err(Failure::never_sent)?
}

async fn ask(place: &Entered, authority: &str) -> Result<(), Failure> {
    let head = Request::post(format!("http://{authority}{PATH}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .map_err(Failure::never_sent)?;
    let mut reply = place.send(head, Bytes::from_static(QUESTION)).await?;
    if let Some(code) = code_of(reply.headers()) {
        return verdict(code);
    }
    let stream = reply.body_mut();
    let mut answer = BytesMut::new();
    while let Some(data) = stream.data().await {
        answer.extend_from_slice(&data.map_err(Failure::never_sent)?);
        if answer.len() > LONGEST {
            return Err(Failure::never_sent(
                "the answer to a health check is too long",
            ));
        }
    }
    let end = stream.trailers().await.map_err(Failure::never_sent)?;
    let code = code_of(&end.unwrap_or_else(HeaderMap::new)).unwrap_or(Code::Unknown);
    verdict(code)?;
    if code == Code::Unimplemented {
        return Ok(());
    }
    let message = answer.get(5..).unwrap_or_default();
    match Answer::decode(message) {
        Ok(Answer { status: SERVING }) => Ok(()),
        _ => Err(Failure::never_sent("it does not serve")),
    }
}

fn verdict(code: Code) -> Result<(), Failure> {
    match code {
        Code::Ok | Code::Unimplemented => Ok(()),
        other => Err(Failure::never_sent(code_name(other))),
    }
}
