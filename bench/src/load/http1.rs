//! A connection with HTTP/1.1, opened again when it breaks.

use anyhow::{Result, bail, ensure};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::worker::AGAIN;
use super::{Job, Protocol};

/// One connection, of one caller.
#[derive(Debug, Default)]
pub(super) struct Caller {
    sender: Option<SendRequest<Full<Bytes>>>,
    /// What drives the connection; ends with the caller.
    connection: JoinSet<()>,
}

impl Caller {
    /// Returns the length of a right answer.
    pub(super) async fn send(&mut self, job: &Job, head: Request<()>) -> Result<u64> {
        let sender = match &mut self.sender {
            Some(sender) => sender,
            empty => match connect(job, &mut self.connection).await {
                Ok(sender) => empty.insert(sender),
                Err(error) => {
                    tokio::time::sleep(AGAIN).await;
                    return Err(error);
                }
            },
        };
        let answered = async {
            sender.ready().await?;
            let request = head.map(|()| Full::new(job.body.clone()));
            read(job, sender.send_request(request).await?).await
        };
        let answer = answered.await;
        // A wrong answer leaves the connection as good as it was; a broken one is made anew.
        if sender.is_closed()
            || answer
                .as_ref()
                .is_err_and(|error| error.is::<hyper::Error>())
        {
            self.sender = None;
        }
        answer
    }
}

async fn connect(job: &Job, connection: &mut JoinSet<()>) -> Result<SendRequest<Full<Bytes>>> {
    let socket = TcpStream::connect(job.address).await?;
    socket.set_nodelay(true)?;
    let (sender, driver) = http1::handshake(TokioIo::new(socket)).await?;
    connection.spawn(async move {
        // What broke it is told to whoever waits for an answer.
        let _ended = driver.await;
    });
    Ok(sender)
}

async fn read(job: &Job, reply: Response<Incoming>) -> Result<u64> {
    let status = reply.status().as_u16();
    let mut body = reply.into_body();
    let (mut bytes, mut last) = (0, Bytes::new());
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            bytes += data.len() as u64;
            if !data.is_empty() {
                last = data;
            }
        }
    }
    ensure!(status == job.expect, "status {status}");
    if job.protocol == Protocol::GrpcWeb && !is_ok_trailer(&last) {
        bail!("no gRPC-Web trailer that says 0");
    }
    Ok(bytes)
}

/// Reports whether the last piece of a body ends in a trailer frame with `grpc-status: 0`.
fn is_ok_trailer(last: &[u8]) -> bool {
    let text = |frame: &[u8]| {
        let text: Vec<u8> = frame
            .iter()
            .filter(|byte| **byte != b' ')
            .map(u8::to_ascii_lowercase)
            .collect();
        text.windows(13).any(|window| window == b"grpc-status:0")
    };
    // The frame is short; where it begins is where its flag stands with the length that reaches to the end.
    let begins = (0..last.len()).rev().find(|begin| {
        let length = last
            .get(begin + 1..begin + 5)
            .and_then(|four| four.try_into().ok());
        last.get(*begin) == Some(&0x80)
            && length
                .is_some_and(|four| u32::from_be_bytes(four) as usize + begin + 5 == last.len())
    });
    begins.is_some_and(|begin| last.get(begin + 5..).is_some_and(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grpc_web_answer_is_right_when_its_trailer_says_zero() {
        let frame = |text: &str| [&[0x80, 0, 0, 0, text.len() as u8], text.as_bytes()].concat();
        let message = [0, 0, 0, 0, 2, 0x0a, 0x80];
        assert!(is_ok_trailer(&frame("grpc-status:0\r\n")));
        assert!(is_ok_trailer(
            &[&message[..], &frame("grpc-status: 0\r\ngrpc-message: \r\n")].concat()
        ));
        assert!(!is_ok_trailer(&frame("grpc-status:13\r\n")));
        assert!(!is_ok_trailer(&message));
        assert!(!is_ok_trailer(&[]));
    }
}
