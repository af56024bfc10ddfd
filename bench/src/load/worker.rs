//! One connection of the load generator, opened again when it breaks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::Job;
use super::latency::Histogram;
use super::pace::{Due, Schedule};

/// Pause before a connection is tried again that could not be made.
const AGAIN: Duration = Duration::from_millis(20);

/// What one worker, or all of them, counted.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) requests: u64,
    pub(super) failures: BTreeMap<String, u64>,
    pub(super) bytes: u64,
    pub(super) histogram: Histogram,
}

impl Tally {
    pub(super) fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.bytes += other.bytes;
        self.histogram.add(&other.histogram);
        for (what, count) in other.failures {
            self.fail(&what, count);
        }
    }

    pub(super) fn fail(&mut self, what: &str, count: u64) {
        *self.failures.entry(what.to_owned()).or_default() += count;
    }
}

/// One connection.
#[derive(Debug)]
pub(super) struct Worker {
    job: Arc<Job>,
    schedule: Arc<Schedule>,
    tally: Tally,
    sender: Option<SendRequest<Full<Bytes>>>,
    /// What drives the connection; ends with the worker.
    connection: JoinSet<()>,
}

impl Worker {
    pub(super) fn new(job: Arc<Job>, schedule: Arc<Schedule>) -> Self {
        Self {
            job,
            schedule,
            tally: Tally::default(),
            sender: None,
            connection: JoinSet::new(),
        }
    }

    /// Sends what is due until nothing is.
    pub(super) async fn work(mut self) -> Tally {
        while let Some(due) = self.schedule.next().await {
            let Some(request) = self.request(due) else {
                self.schedule.run_out();
                break;
            };
            let answer = self.send(request).await;
            if self.schedule.records(due) {
                self.tally.histogram.record(due.at.elapsed());
            }
            match answer {
                Ok(bytes) if self.schedule.is_counting() => {
                    self.tally.requests += 1;
                    self.tally.bytes += bytes;
                }
                Ok(_) => {}
                Err(error) => self.tally.fail(&error.to_string(), 1),
            }
        }
        self.tally
    }

    /// Makes the request with this number; `None` when the tokens are used up.
    fn request(&self, due: Due) -> Option<Request<Full<Bytes>>> {
        let job = &self.job;
        let mut request = Request::new(Full::new(job.body.clone()));
        *request.method_mut() = job.method.clone();
        *request.uri_mut() = job.targets.get(due.number % job.targets.len())?.clone();
        let headers = request.headers_mut();
        headers.reserve(job.headers.len() + 2);
        headers.extend(job.headers.iter().cloned());
        if !job.tokens.is_empty() {
            let next = if job.fresh { self.schedule.token() } else { 0 };
            headers.insert(AUTHORIZATION, job.tokens.get(next)?.clone());
        }
        Some(request)
    }

    /// Returns the length of a right answer.
    async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<u64> {
        let sender = match &mut self.sender {
            Some(sender) => sender,
            empty => match connect(&self.job, &mut self.connection).await {
                Ok(sender) => empty.insert(sender),
                Err(error) => {
                    tokio::time::sleep(AGAIN).await;
                    return Err(error);
                }
            },
        };
        let answered = async {
            sender.ready().await?;
            let reply = sender.send_request(request).await?;
            read(&self.job, reply).await
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
    if job.grpc_web && !is_ok_trailer(&last) {
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
