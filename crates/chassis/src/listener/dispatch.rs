//! Which service a call over the wire is for, and whether there is a place for it (T16, T28).

use std::{collections::HashMap, convert::Infallible, fmt};

use fault::{Fault, Reason};
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use mesh::{Hosted, metadata};
use tonic::{Status, body::Body};
use tower::ServiceExt as _;

use super::{Listen, ending::Ending};
use crate::{Capacity, Claim, Guarded, Overload, Shutdown};

/// The services of one process, by the first segment of a path.
pub(crate) struct Dispatch {
    guarded: HashMap<&'static str, Guarded>,
    /// Those anybody on the network may call: health, and reflection where it is on.
    open: HashMap<&'static str, Hosted>,
    overload: Overload,
    closing: Shutdown,
}

impl Dispatch {
    pub(crate) fn new(
        guarded: HashMap<&'static str, Guarded>,
        open: HashMap<&'static str, Hosted>,
        config: &Listen,
        closing: Shutdown,
    ) -> Self {
        let overload = Overload::new(Capacity {
            in_flight: config.in_flight,
            reserve_percent: config.reserve_percent,
            streams: config.streams,
        });
        Self {
            guarded,
            open,
            overload,
            closing,
        }
    }

    /// Answers a call.
    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Infallible> {
        let request = request.map(Body::new);
        let service = request.uri().path().split('/').nth(1).unwrap_or_default();
        if let Some(open) = self.open.get(service).cloned() {
            let reply = open.oneshot(request).await?;
            return Ok(Ending::of_stream(reply, self.closing.clone(), None));
        }
        // Whoever has no credential learns nothing else: not even what is hosted here (T16).
        let any = || self.guarded.values().next();
        let Some(guarded) = self.guarded.get(service).or_else(any).cloned() else {
            return Ok(Status::from(Fault::of(Reason::NotImplemented)).into_http());
        };
        let rule = contracts::rpc(request.uri().path());
        let place = match self.overload.enter(rule.map_or(Claim::Ordinary, Claim::of)) {
            Ok(place) => place,
            Err(full) => {
                let mut refusal = Status::from(full).into_http();
                // The caller's mesh counts it as no failure.
                refusal
                    .headers_mut()
                    .insert(metadata::OVERLOADED, HeaderValue::from_static("true"));
                return Ok(refusal);
            }
        };
        let reply = guarded.oneshot(request).await?;
        Ok(if rule.is_some_and(|rule| rule.streaming) {
            Ending::of_stream(reply, self.closing.clone(), Some(place))
        } else {
            Ending::of_reply(reply, place)
        })
    }
}

impl fmt::Debug for Dispatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.guarded.keys())
            .entries(self.open.keys())
            .finish()
    }
}
