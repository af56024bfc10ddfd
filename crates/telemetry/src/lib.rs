#![doc = include_str!("../README.md")]

mod filter;
mod line;
mod recorder;

pub mod redact;
pub mod trace;

pub use filter::{Config, Format, InitError, init};
pub use recorder::{SECONDS, render};
pub use trace::TraceContext;
