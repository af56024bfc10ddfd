#![doc = include_str!("../README.md")]

mod export;
mod filter;
pub mod levels;
mod line;
mod process;
mod recorder;

pub mod redact;
pub mod span;
pub mod trace;

pub use export::{Exporting, Traces, start as export};
pub use filter::{Config, Format, InitError, init, init_into, log_panics};
pub use recorder::{SECONDS, before_render, render, upkeep};
pub use span::Span;
pub use trace::TraceContext;
