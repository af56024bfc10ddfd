//! An answer that is always the same: what reading from memory can reach at most.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// A server in this process, which does nothing else meanwhile. It ends with the value.
#[derive(Debug)]
pub(super) struct Fixed {
    /// Where it is.
    pub(super) address: SocketAddr,
    _task: JoinSet<()>,
}

impl Fixed {
    /// Answers everything with this body.
    ///
    /// # Errors
    /// No port can be opened.
    pub(super) async fn start(body: Bytes) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let mut task = JoinSet::new();
        task.spawn(serve(listener, body));
        Ok(Self {
            address,
            _task: task,
        })
    }
}

async fn serve(listener: TcpListener, body: Bytes) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        // Only latency is lost without it.
        let _set = socket.set_nodelay(true);
        let body = body.clone();
        connections.spawn(async move {
            let service = service_fn(move |_request| {
                let mut reply = Response::new(Full::new(body.clone()));
                let json = HeaderValue::from_static("application/json");
                reply.headers_mut().insert(CONTENT_TYPE, json);
                std::future::ready(Ok::<_, Infallible>(reply))
            });
            // Whoever left needs no answer.
            let _ended = http1::Builder::new()
                .serve_connection(TokioIo::new(socket), service)
                .await;
        });
    }
}
