//! How gRPC writes a stream: frames as they are, then trailers that say how it ended.

use bytes::Bytes;
use fault::Fault;
use mesh::timed;

use super::reply;
use crate::log::Verdict;
use crate::pipeline::Exchange;
use crate::pump::{Chunk, Ending, Last, Printer};

/// Frames, each of them made by [`super::wire`] or by a service hosted here. How the call ended is told to the log too.
#[derive(Debug)]
pub(super) struct Frames {
    verdict: Verdict,
}

impl Frames {
    pub(super) fn of(exchange: &mut Exchange) -> Self {
        let verdict = exchange.record.grpc();
        Self { verdict }
    }
}

impl Printer for Frames {
    type Item = Bytes;

    fn item(&self, frame: Bytes, _first: bool) -> Bytes {
        frame
    }

    /// A status says why, so whatever cuts a stream short is one.
    fn outcome(&self, ending: Ending) -> Result<(), Fault> {
        Err(ending.into())
    }

    fn complete(&self) -> Last {
        self.verdict.success();
        Last {
            bytes: Bytes::new(),
            end: Some(Chunk::Trailers(reply::ok())),
        }
    }

    fn failure(&self, fault: Fault, request_id: &str, _first: bool) -> Last {
        self.verdict.failure(fault.reason());
        let trailers = timed::trailers(fault.with_request_id(request_id));
        Last {
            bytes: Bytes::new(),
            end: Some(Chunk::Trailers(trailers)),
        }
    }
}
