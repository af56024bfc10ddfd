#![doc = include_str!("../README.md")]

mod filter;
mod line;
mod process;
mod recorder;

pub mod redact;
pub mod trace;

pub use filter::{Config, Format, InitError, init, log_panics};
pub use recorder::{SECONDS, render};
pub use trace::TraceContext;
