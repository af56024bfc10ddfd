//! Server streams over REST: what is sent, in which form, and how it ends (ST-1..ST-5, SC-3).

mod endings;
mod forms;
mod readers;
mod stuck;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use contracts::feed::v1::{FeedItem, StreamFeedRequest};
use fault::Fault;
use futures_util::StreamExt;
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::house::{House, Reply};
use crate::script::{Answer, Call};

const PATH: &str = "/api/v1/feed/stream";
const EVENTS: &str = "text/event-stream";
const LINES: &str = "application/x-ndjson";
const ARRAY: &str = "application/json";

/// The service's end of a stream.
pub(crate) struct Source(mpsc::UnboundedSender<Result<Vec<u8>, Fault>>);

impl Source {
    /// Lets the feed service answer the next stream with what is sent here.
    pub(crate) fn of(house: &House) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let receiver = Arc::new(Mutex::new(Some(receiver)));
        house.feed.answer(move |_| {
            let mut messages = receiver.lock().unwrap().take().expect("one stream");
            let messages = futures_util::stream::poll_fn(move |cx| messages.poll_recv(cx));
            Ok(Answer::breaking(messages.boxed()))
        });
        Self(sender)
    }

    pub(crate) fn send(&self, cursor: &str) {
        self.0.send(Ok(item(cursor))).expect("the stream is open");
    }

    fn fail(&self, fault: Fault) {
        self.0.send(Err(fault)).expect("the stream is open");
    }

    /// Waits until the service's work is dropped.
    async fn dropped(&self) {
        within(Duration::from_secs(20), self.0.closed()).await;
    }
}

fn item(cursor: &str) -> Vec<u8> {
    let item = FeedItem {
        cursor: cursor.to_owned(),
        event: "post:new".to_owned(),
        post: None,
    };
    item.encode_to_vec()
}

/// [`item`] as it is printed.
fn json(cursor: &str) -> String {
    format!(r#"{{"cursor":"{cursor}","event":"post:new","post":null}}"#)
}

async fn within<T>(time: Duration, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(time, work)
        .await
        .expect("it comes in time")
}

/// The request the feed service got.
fn asked(house: &House) -> (Call, StreamFeedRequest) {
    let call = house.feed.calls("StreamFeed").pop().expect("a call");
    let request = StreamFeedRequest::decode(call.message.clone()).unwrap();
    (call, request)
}

/// A connection that ended in the middle of a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cut;

/// A client of one stream over HTTP/1.1, which sees chunk by chunk what the door sends.
pub(crate) struct Reader {
    tcp: TcpStream,
    unread: Vec<u8>,
}

impl Reader {
    /// Asks for a stream with a fresh token.
    pub(crate) async fn open(house: &House, target: &str, accept: &str) -> (Reply, Self) {
        let token = house.token(&house.rig.caller());
        Self::open_with(house, target, &[("Accept", accept)], &token).await
    }

    pub(crate) async fn open_with(
        house: &House,
        target: &str,
        headers: &[(&str, &str)],
        token: &str,
    ) -> (Reply, Self) {
        let mut reader = Self::on(house.connect().await);
        let head = reader.ask(target, headers, token).await;
        (head, reader)
    }

    fn on(tcp: TcpStream) -> Self {
        let unread = Vec::new();
        Self { tcp, unread }
    }

    /// Asks on this connection and returns the reply's head.
    async fn ask(&mut self, target: &str, headers: &[(&str, &str)], token: &str) -> Reply {
        let mut request =
            format!("GET {target} HTTP/1.1\r\nHost: door\r\nAuthorization: Bearer {token}\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        self.tcp.write_all(request.as_bytes()).await.unwrap();
        Reply::parse(&self.until("\r\n\r\n").await.expect("a reply"))
    }

    /// Everything up to and with `mark`.
    async fn until(&mut self, mark: &str) -> Result<String, Cut> {
        loop {
            let text = String::from_utf8_lossy(&self.unread);
            if let Some(end) = text.find(mark) {
                let rest = self.unread.split_off(end + mark.len());
                let taken = std::mem::replace(&mut self.unread, rest);
                return Ok(String::from_utf8(taken).unwrap());
            }
            let read = self.tcp.read_buf(&mut self.unread);
            match within(Duration::from_secs(20), read).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => return Err(Cut),
            }
        }
    }

    /// The next chunk; none when the body is complete.
    async fn chunk(&mut self) -> Result<Option<String>, Cut> {
        let size = self.until("\r\n").await?;
        let size = usize::from_str_radix(size.trim_end(), 16).expect("a chunk's size");
        while self.unread.len() < size + 2 {
            let read = self.tcp.read_buf(&mut self.unread);
            if !matches!(within(Duration::from_secs(20), read).await, Ok(1..)) {
                return Err(Cut);
            }
        }
        let rest = self.unread.split_off(size + 2);
        let mut chunk = std::mem::replace(&mut self.unread, rest);
        chunk.truncate(size);
        Ok((size > 0).then(|| String::from_utf8(chunk).unwrap()))
    }

    /// The next chunk that is no heartbeat.
    pub(crate) async fn next(&mut self) -> Result<Option<String>, Cut> {
        loop {
            match self.chunk().await {
                Ok(Some(chunk)) if chunk == "\n" || chunk == ":\n\n" => {}
                chunk => return chunk,
            }
        }
    }

    /// Everything from here to the end, and how that came.
    pub(crate) async fn rest(&mut self) -> (String, Result<(), Cut>) {
        let mut all = String::new();
        loop {
            match self.chunk().await {
                Ok(Some(chunk)) => all.push_str(&chunk),
                Ok(None) => return (all, Ok(())),
                Err(cut) => return (all, Err(cut)),
            }
        }
    }
}
