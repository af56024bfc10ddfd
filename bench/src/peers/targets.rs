//! The targets of the comparison, as ratios within one run.

use super::case::Who;
use super::results::{Figure, Load, Results};
use crate::load::Report;

/// What is divided by what.
#[derive(Clone, Copy, Debug)]
enum Of {
    /// CPU for one request.
    Cpu(&'static str, Who, Who),
    /// Requests a second.
    Throughput(&'static str, Who, Who),
    /// Memory under load.
    Memory(Who, Who),
    /// p99 by p50 near saturation.
    Tail(Who),
}

/// What a ratio is to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bound {
    /// Not larger.
    AtMost(f64),
    /// Not smaller.
    AtLeast(f64),
    /// Whatever it is: it helps to judge others.
    None,
}

/// A ratio and its bound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    pub(super) what: &'static str,
    of: Of,
    pub(super) bound: Bound,
}

const fn cpu(what: &'static str, case: &'static str, one: Who, other: Who, at_most: f64) -> Target {
    Target {
        what,
        of: Of::Cpu(case, one, other),
        bound: Bound::AtMost(at_most),
    }
}

const fn throughput(what: &'static str, case: &'static str, at_least: f64) -> Target {
    Target {
        what,
        of: Of::Throughput(case, Edge, Direct),
        bound: Bound::AtLeast(at_least),
    }
}

use Who::{
    Direct, Edge, EdgeBare, EdgeEachTime, EdgeWhole, Envoy, EnvoyEachTime, Floor, FloorEachTime,
    Nest,
};

/// All of them.
pub(super) const TARGETS: [Target; 23] = [
    cpu(
        "GET post, no token: edge to floor",
        "post/no-token",
        Edge,
        Floor,
        1.25,
    ),
    cpu(
        "GET post, no token: edge to Envoy",
        "post/no-token",
        Edge,
        Envoy,
        0.45,
    ),
    cpu(
        "GET post, no token: edge to NestJS",
        "post/no-token",
        Edge,
        Nest,
        0.17,
    ),
    cpu(
        "GET post, ES256 each time: edge to floor",
        "post/each-time",
        EdgeEachTime,
        FloorEachTime,
        1.1,
    ),
    cpu(
        "GET post, ES256 each time: edge to Envoy",
        "post/each-time",
        EdgeEachTime,
        EnvoyEachTime,
        0.65,
    ),
    cpu(
        "GET post, ES256 each time: edge to NestJS",
        "post/each-time",
        EdgeEachTime,
        Nest,
        0.27,
    ),
    cpu(
        "feed page of 20: edge to floor",
        "page/no-token",
        Edge,
        Floor,
        0.9,
    ),
    cpu(
        "feed page of 20: edge to Envoy",
        "page/no-token",
        Edge,
        Envoy,
        0.22,
    ),
    cpu(
        "feed page of 20: edge to NestJS",
        "page/no-token",
        Edge,
        Nest,
        0.15,
    ),
    cpu(
        "create, token kept: edge to floor",
        "create/kept",
        Edge,
        Floor,
        1.25,
    ),
    cpu(
        "create, token kept: edge to Envoy",
        "create/kept",
        Edge,
        Envoy,
        0.6,
    ),
    cpu(
        "gRPC-Web unary: edge to Envoy",
        "grpc-web/no-token",
        Edge,
        Envoy,
        0.8,
    ),
    Target {
        what: "memory under load: edge to Envoy",
        of: Of::Memory(Edge, Envoy),
        bound: Bound::AtMost(0.5),
    },
    Target {
        what: "memory under load: edge to NestJS",
        of: Of::Memory(Edge, Nest),
        bound: Bound::AtMost(0.2),
    },
    cpu(
        "everything on to bare, GET post",
        "post/no-token",
        EdgeWhole,
        EdgeBare,
        1.6,
    ),
    cpu(
        "everything on to bare, feed page with a token",
        "page/kept",
        EdgeWhole,
        EdgeBare,
        1.6,
    ),
    cpu(
        "everything on to bare, create",
        "create/kept",
        EdgeWhole,
        EdgeBare,
        1.6,
    ),
    Target {
        what: "edge at 70 % of saturation: p99 to p50",
        of: Of::Tail(Edge),
        bound: Bound::AtMost(6.0),
    },
    Target {
        what: "floor at 70 % of saturation: p99 to p50 (no target)",
        of: Of::Tail(Floor),
        bound: Bound::None,
    },
    Target {
        what: "Envoy at 70 % of saturation: p99 to p50 (no target)",
        of: Of::Tail(Envoy),
        bound: Bound::None,
    },
    Target {
        what: "GET post: edge to a byte proxy (no target)",
        of: Of::Cpu("post/no-token", Edge, Who::Proxy),
        bound: Bound::None,
    },
    throughput(
        "GET post, throughput: edge to the RPC called directly",
        "post/no-token",
        0.5,
    ),
    throughput(
        "feed page of 20, throughput: edge to the RPC called directly",
        "page/no-token",
        0.5,
    ),
];

impl Target {
    /// The ratio that was measured; `None` when one side was not.
    pub(super) fn measured(&self, results: &Results) -> Option<Figure> {
        match self.of {
            Of::Cpu(case, one, other) => results.ratio(case, one, other, |report| report.cpu_us(0)),
            Of::Throughput(case, one, other) => {
                results.ratio(case, one, other, |report| Some(report.per_second()))
            }
            Of::Memory(one, other) => {
                let ratio = results.memory(one)? as f64 / results.memory(other)? as f64;
                Figure::of(vec![ratio])
            }
            Of::Tail(who) => {
                let tail = |report: &Report| Some(report.latency.p99 / report.latency.p50);
                results.figure("post/no-token", who, Load::Near, tail)
            }
        }
    }
}

impl Bound {
    /// How it is written.
    pub(super) fn text(self) -> String {
        match self {
            Self::AtMost(most) => format!("≤ {most}"),
            Self::AtLeast(least) => format!("≥ {least}"),
            Self::None => String::new(),
        }
    }

    /// What is to be said of a ratio.
    pub(super) fn verdict(self, ratio: f64) -> &'static str {
        let holds = match self {
            Self::AtMost(most) => ratio <= most,
            Self::AtLeast(least) => ratio >= least,
            Self::None => return "",
        };
        if holds { "hit" } else { "**missed**" }
    }
}
