//! A way to a server that can be closed, and through which one reads what is asked for.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// The texts of statements that were sent to PostgreSQL.
pub(crate) type Statements = Arc<Mutex<BTreeSet<String>>>;

/// Passes everything on, in both directions.
pub(crate) struct Way {
    /// What to connect to instead of the server itself.
    pub(crate) url: String,
    /// What was prepared, when it leads to PostgreSQL.
    pub(crate) statements: Statements,
    open: JoinSet<()>,
}

impl Way {
    /// A way to the server of this URL.
    pub(crate) async fn to(url: &str) -> Self {
        let (_, rest) = url.split_once("://").unwrap();
        let authority = rest.split(['/', '?']).next().unwrap();
        let address = authority.rsplit('@').next().unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = url.replacen(&address, &format!("127.0.0.1:{port}"), 1);
        let statements = Statements::default();
        let heard = Arc::clone(&statements);
        let mut open = JoinSet::new();
        open.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (from_client, mut to_client) = client.into_split();
                let server = TcpStream::connect(&address).await.unwrap();
                let (mut from_server, to_server) = server.into_split();
                connections.spawn(pass(from_client, to_server, Arc::clone(&heard)));
                connections.spawn(async move {
                    let _ended = copy(&mut from_server, &mut to_client).await;
                });
            }
        });
        Self {
            url,
            statements,
            open,
        }
    }

    /// Ends all connections and takes no more.
    pub(crate) async fn close(&mut self) {
        self.open.shutdown().await;
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, heard: Statements) {
    let mut unread = Vec::new();
    let mut started = false;
    let mut chunk = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut chunk).await {
        if to.write_all(&chunk[..length]).await.is_err() {
            return;
        }
        unread.extend_from_slice(&chunk[..length]);
        while let Some(text) = next(&mut unread, &mut started) {
            heard.lock().unwrap().extend(text);
        }
    }
}

/// Takes a whole message out: the startup message has no type, `P` prepares the statement of its second text.
fn next(unread: &mut Vec<u8>, started: &mut bool) -> Option<Option<String>> {
    let head = usize::from(*started);
    let length = unread.get(head..head + 4)?;
    let whole = head + u32::from_be_bytes(length.try_into().unwrap()) as usize;
    if unread.len() < whole {
        return None;
    }
    let message: Vec<u8> = unread.drain(..whole).collect();
    if !std::mem::replace(started, true) || message[0] != b'P' {
        return Some(None);
    }
    let statement = message[5..].split(|byte| *byte == 0).nth(1).unwrap();
    Some(Some(String::from_utf8_lossy(statement).into_owned()))
}
