//! The edge beside what people would use instead: the same service behind, the same contract, the same answers.
//!
//! Every gateway is alone on one core with what waits; the load and the service behind are on another. CPU for one request,
//! of the gateway's process tree, is the main figure: it depends least on what else the machine does.

mod case;
mod ceiling;
mod child;
mod command;
mod envoy;
mod equal;
mod floor;
mod gateways;
mod picture;
mod report;
mod results;
mod rounds;
mod sample;
mod serve;
mod targets;
mod tokens;
mod upstream;

pub use self::command::{Options, StandIn, command, stand_in};
