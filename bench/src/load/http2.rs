//! A connection with HTTP/2 that callers of gRPC share, opened again when it breaks. It is driven by `h2` itself, since what lies
//! above it (hyper's client, tonic's) costs a task and a channel for each call.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use h2::{RecvStream, client::ResponseFuture};
use http::{HeaderMap, Request};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::Job;
use super::worker::AGAIN;

/// How far the server may send ahead: more than any answer, so that no answer waits for room.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 1 << 28;

/// A connection, if there is one now.
#[derive(Debug, Default)]
pub(super) struct Connection(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    sender: Option<SendRequest<Bytes>>,
    /// What drives the connection; ends with the last caller.
    driver: JoinSet<()>,
}

impl Connection {
    async fn sender(&self, job: &Job) -> Result<SendRequest<Bytes>> {
        let State { sender, driver } = &mut *self.0.lock().await;
        // It ends when the connection does, for good or ill.
        while driver.try_join_next().is_some() {
            *sender = None;
        }
        if let Some(sender) = sender {
            return Ok(sender.clone());
        }
        let socket = TcpStream::connect(job.address).await?;
        socket.set_nodelay(true)?;
        let (made, connection) = Builder::new()
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .handshake(socket)
            .await?;
        driver.spawn(async move {
            // What broke it is told to whoever waits for an answer.
            let _ended = connection.await;
        });
        Ok(sender.insert(made).clone())
    }
}

/// One of those who share a connection.
#[derive(Debug)]
pub(super) struct Caller {
    connection: Arc<Connection>,
    sender: Option<SendRequest<Bytes>>,
}

impl Caller {
    pub(super) fn new(connection: Arc<Connection>) -> Self {
        Self {
            connection,
            sender: None,
        }
    }

    /// Returns the length of a right answer.
    pub(super) async fn send(&mut self, job: &Job, head: Request<()>) -> Result<u64> {
        let reply = match self.begin(job, head).await {
            Ok(reply) => reply,
            Err(error) => {
                tokio::time::sleep(AGAIN).await;
                return Err(error);
            }
        };
        let answer = read(job, reply).await;
        // A wrong answer, and one that was cut off, leave the connection as good as it was.
        let broke = |error: &h2::Error| !error.is_reset();
        if answer
            .as_ref()
            .is_err_and(|error| error.downcast_ref().is_some_and(broke))
        {
            self.sender = None;
        }
        answer
    }

    /// Sends a call.
    async fn begin(&mut self, job: &Job, head: Request<()>) -> Result<ResponseFuture> {
        let sender = match self.sender.take() {
            Some(sender) => sender,
            None => self.connection.sender(job).await?,
        };
        let mut sender = sender.ready().await?;
        let (reply, mut body) = sender.send_request(head, false)?;
        body.send_data(job.body.clone(), true)?;
        self.sender = Some(sender);
        Ok(reply)
    }
}

async fn read(job: &Job, reply: ResponseFuture) -> Result<u64> {
    let (head, mut body) = reply.await?.into_parts();
    let bytes = length(&mut body).await?;
    let trailers = body.trailers().await?;
    let status = head.status.as_u16();
    ensure!(status == job.expect, "status {status}");
    // An answer without a message may be its head alone.
    let code = code(trailers.as_ref().unwrap_or(&head.headers))?;
    ensure!(code == "0", "gRPC status {code}");
    Ok(bytes)
}

async fn length(body: &mut RecvStream) -> Result<u64> {
    let mut bytes = 0;
    while let Some(data) = body.data().await {
        let data = data?;
        bytes += data.len() as u64;
        body.flow_control().release_capacity(data.len())?;
    }
    Ok(bytes)
}

/// Returns what an answer says of itself.
fn code(trailers: &HeaderMap) -> Result<&str> {
    let code = trailers.get("grpc-status").context("no gRPC status")?;
    code.to_str().context("a gRPC status that is no text")
}

#[cfg(test)]
mod tests;
