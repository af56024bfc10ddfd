//! A reply that is read while it is written.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::timeout;

/// Longest wait for something that must come.
const LONGEST: Duration = testkit::LONGEST;

/// The lines of a reply, as they come. Dropped, it leaves.
#[derive(Debug)]
pub struct Lines {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    body: Incoming,
    unread: Vec<u8>,
}

impl Lines {
    pub(crate) fn of(reply: Response<Incoming>) -> Self {
        let (head, body) = reply.into_parts();
        Self {
            status: head.status,
            headers: head.headers,
            body,
            unread: Vec::new(),
        }
    }

    /// The next line that is not empty, or the proper end.
    ///
    /// # Panics
    /// When neither comes within 10 s, or the reply breaks off.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                if line.is_empty() {
                    continue;
                }
                return Some(line);
            }
            let frame = timeout(LONGEST, self.body.frame()).await;
            let frame = frame.expect("something within 10 s")?;
            let data: Bytes = frame
                .expect("a whole reply")
                .into_data()
                .unwrap_or_default();
            self.unread.extend_from_slice(&data);
        }
    }
    /// Reads on until the reply ends or breaks off.
    ///
    /// # Panics
    /// When it goes on and nothing comes for 10 s.
    pub async fn drain(mut self) {
        let mut next = async || timeout(LONGEST, self.body.frame()).await;
        while let Some(Ok(_)) = next().await.expect("something within 10 s") {}
    }
}
