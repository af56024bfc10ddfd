//! The google.api.http engine: routes, and JSON to and from protobuf wire without a message tree.
//!
//! A [`Transcoder`] is compiled once from an encoded `FileDescriptorSet` and
//! then knows every route of every service in it. For one HTTP request:
//!
//! 1. [`Transcoder::find`] takes the path apart and finds the route (TR-14, K-6);
//! 2. [`Transcoder::request`] binds path, query and body into the bytes of the
//!    request message (TR-5, TR-6, TR-15, TR-16) and reports everything that is
//!    wrong at once (CV-3);
//! 3. [`Transcoder::reply`] prints the bytes of the reply message as the
//!    envelope (CV-2, TR-12) or passes a raw body on (TR-13), of which [`Kept`]
//!    is what can be sent again;
//!    [`Transcoder::items`] prints the messages of a streamed one (ST-2).
//!
//! Both ways are one pass: JSON is read straight into wire bytes and wire bytes
//! are printed straight into JSON, by flat tables. prost-reflect reads the
//! descriptors, puts messages with split fields in order, and is the oracle of
//! the tests. Values are not validated here beyond their types; that is the
//! generated validation's work.

mod error;
mod items;
mod json;
mod nearest;
mod path;
mod query;
mod reply;
mod request;
mod route;
mod router;
mod schema;
mod template;
mod transcoder;
mod wire;

pub use error::{BuildError, Error, RouteError, Violation};
pub use items::{Item, Items};
pub use json::Dialect;
pub use json::write::Selection;
pub use reply::{Kept, Page, Reply, ReplyMeta};
pub use request::Decoded;
pub use route::Route;
pub use transcoder::{Match, Transcoder};
