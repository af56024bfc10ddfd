//! A TCP stream that reports to its connection's pulse, refuses broken heads itself and closes without cutting replies off.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use fault::{Fault, Reason};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::pulse::Pulse;
use crate::respond;

/// Bytes a closing connection still takes from its client, so that a reply is not lost to a TCP reset while the client
/// is busy sending a body nobody wants.
const LINGER: usize = 4 * 1024 * 1024;

/// One accepted connection.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    pulse: Pulse,
    lingered: usize,
}

impl Wire {
    pub(super) fn new(stream: TcpStream, pulse: Pulse) -> Self {
        Self {
            stream,
            pulse,
            lingered: 0,
        }
    }

    fn refuse(&self, fault: &Fault) -> io::Error {
        say(&self.stream, fault);
        io::Error::new(io::ErrorKind::InvalidData, fault.message().to_owned())
    }
}

/// Writes a whole reply to a connection that is about to be closed, as far as its send buffer takes it.
pub(super) fn say(stream: &TcpStream, fault: &Fault) {
    // The reply is a courtesy: a client that is already gone does not miss it.
    let _courtesy = stream.try_write(&respond::canned(fault));
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.pulse.head_is_overdue() {
            return Poll::Ready(Err(this.refuse(&Fault::new(
                Reason::RequestTimeout,
                "The request head took too long",
            ))));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        if this.pulse.heard(&buf.filled()[before..]) {
            return Poll::Ready(Ok(()));
        }
        buf.set_filled(before);
        Poll::Ready(Err(this.refuse(&Fault::new(
            Reason::ValidationError,
            "The request head is malformed",
        ))))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.pulse.wrote(outcome.is_pending());
        outcome
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.pulse.wrote(outcome.is_pending());
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let unread = this.pulse.closing();
        if this.lingered == 0 {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
        }
        if !unread {
            return Poll::Ready(Ok(()));
        }
        let mut scratch = [0_u8; 8 * 1024];
        while this.lingered < LINGER {
            let mut buf = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut this.stream).poll_read(cx, &mut buf)) {
                Ok(()) if !buf.filled().is_empty() => this.lingered += buf.filled().len(),
                // The client has closed, or is gone: either way the reply is no longer at stake.
                Ok(()) | Err(_) => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}
