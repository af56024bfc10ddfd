//! The codec under a real tonic server: what reaches a handler, and what a
//! caller is told.

use std::future::{Future, Ready, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use prost::Message as _;
use tonic::server::{Grpc, UnaryService};
use tonic::{Request, Response, Status};
use tonic_types::StatusExt as _;

use super::*;
use crate::auth::v1::{SendOtpRequest, SendOtpResponse};
use crate::common::v1::Message;

/// Answers with the address it got, or with a text of this size.
struct Echo(Option<usize>);

impl UnaryService<SendOtpRequest> for Echo {
    type Response = Message;
    type Future = Ready<Result<Response<Message>, Status>>;

    fn call(&mut self, request: Request<SendOtpRequest>) -> Self::Future {
        let message = match self.0 {
            Some(size) => "x".repeat(size),
            None => request.into_inner().email,
        };
        ready(Ok(Response::new(Message { message })))
    }
}

/// Runs a future that never waits.
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waited"),
    }
}

/// A gRPC frame: not compressed, length, message.
fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0][..], &length, message].concat()
}

/// What the server answers to these bytes: the status of its head, else its body.
fn call(service: Echo, message: &[u8]) -> Result<Vec<u8>, Status> {
    use http_body_util::{BodyExt as _, Full};
    let request = http::Request::new(tonic::body::Body::new(Full::from(frame(message))));
    let mut server = Grpc::new(Codec::<Message, SendOtpRequest>::default());
    let response = now(server.unary(service, request));
    if let Some(status) =
        Status::from_header_map(response.headers()).filter(|status| status.code() != Code::Ok)
    {
        return Err(status);
    }
    let body = now(response.into_body().collect())?;
    if let Some(status) = body
        .trailers()
        .and_then(Status::from_header_map)
        .filter(|s| s.code() != Code::Ok)
    {
        return Err(status);
    }
    Ok(body.to_bytes().to_vec())
}

fn request(email: &str) -> Vec<u8> {
    SendOtpRequest {
        email: email.to_owned(),
    }
    .encode_to_vec()
}

#[test]
fn k_1_a_handler_gets_the_normalised_request() {
    let reply = call(Echo(None), &request(" Ada@Example.com ")).unwrap();
    assert_eq!(
        Message::decode(&reply[5..]).unwrap().message,
        "ada@example.com"
    );
}

#[test]
fn k_1_a_request_that_breaks_its_rules_never_reaches_the_handler() {
    let status = call(Echo(None), &request("nobody")).unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "VALIDATION_ERROR");
    assert_eq!(
        details.bad_request().unwrap().field_violations[0].field,
        "email"
    );
}

#[test]
fn bytes_that_are_no_message_are_the_senders_fault_in_requests_only() {
    let status = call(Echo(None), &[0xff, 0xff]).unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    const { assert!(SendOtpRequest::REQUEST && !SendOtpResponse::REQUEST) };
}

#[test]
fn tr_8_a_reply_above_4_mib_is_refused() {
    let fits = MAX_MESSAGE - 5;
    assert_eq!(
        call(Echo(Some(fits)), &request("a@b")).unwrap().len(),
        MAX_MESSAGE + 5
    );
    assert_eq!(
        call(Echo(Some(fits + 1)), &request("a@b"))
            .unwrap_err()
            .code(),
        Code::Internal
    );
}
