//! One connection of another process: its preface within a time, then HTTP/2 with its limits.

use std::{
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::{Dispatch, Listen};
use crate::Shutdown;

/// What every HTTP/2 connection begins with (RFC 9113 §3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) dispatch: Arc<Dispatch>,
    pub(super) stop: Shutdown,
}

impl Connection {
    pub(super) async fn run(self, config: Listen) {
        let peer = self.peer;
        if let Err(error) = self.serve(config).await {
            tracing::debug!(%peer, cause = %error, "connection ended early");
        }
    }

    async fn serve(mut self, config: Listen) -> anyhow::Result<()> {
        // Replies are written whole; waiting to fill a segment only delays them.
        self.stream.set_nodelay(true)?;
        let limit = Duration::from_millis(config.first_byte_ms);
        // hyper has no time limit before its first frame.
        let begun = tokio::time::timeout(limit, preface(&mut self.stream));
        let Some(begun) = self.stop.run(begun).await else {
            return Ok(());
        };
        begun??;
        let ping = Duration::from_millis(config.h2_ping_ms);
        let mut server = http2::Builder::new(TokioExecutor::new());
        server
            .timer(TokioTimer::new())
            .max_concurrent_streams(config.h2_streams)
            .max_local_error_reset_streams(config.h2_local_resets)
            .max_header_list_size(config.header_bytes)
            .keep_alive_interval(ping)
            .keep_alive_timeout(ping);
        let dispatch = self.dispatch;
        let answer = hyper::service::service_fn(move |request| {
            let dispatch = Arc::clone(&dispatch);
            async move { dispatch.answer(request).await }
        });
        let io = TokioIo::new(Begun {
            stream: self.stream,
            again: PREFACE,
        });
        let mut connection = pin!(server.serve_connection(io, answer));
        tokio::select! {
            ended = connection.as_mut() => return Ok(ended?),
            () = self.stop.begun() => {}
        }
        // GOAWAY: calls that are here are answered, the next ones go elsewhere (DL-4).
        connection.as_mut().graceful_shutdown();
        Ok(connection.await?)
    }
}

/// Reads the preface, whole.
async fn preface(stream: &mut TcpStream) -> io::Result<()> {
    let mut read = [0; PREFACE.len()];
    stream.read_exact(&mut read).await?;
    if read != *PREFACE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "not HTTP/2"));
    }
    Ok(())
}

/// A connection whose preface has been read, and is read once more by hyper.
struct Begun {
    stream: TcpStream,
    again: &'static [u8],
}

impl AsyncRead for Begun {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.again.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let (now, later) = self.again.split_at(self.again.len().min(buf.remaining()));
        buf.put_slice(now);
        self.again = later;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Begun {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
