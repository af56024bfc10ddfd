//! The messages of a streamed reply as JSON, one by one.

use std::fmt;
use std::sync::Arc;

use crate::error::Error;
use crate::json::Dialect;
use crate::json::write::{Selection, Writer};
use crate::reply;
use crate::route::Route;
use crate::schema::Schema;
use crate::transcoder::Transcoder;

/// Prints the messages of one streamed reply. It owns what it needs, so that it
/// can outlive the request that began the stream.
pub struct Items {
    schema: Arc<Schema>,
    output: u32,
    fields: Option<Selection>,
}

/// One message of a streamed reply, ready to be framed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The bare message, without envelope (ST-2).
    pub json: Vec<u8>,
    /// Its `cursor`: where a client that leaves after it goes on (ST-3). None
    /// where the message has no such text, or an empty one.
    pub cursor: Option<String>,
}

impl Transcoder {
    /// Returns what prints the messages of a streamed reply. `fields` is what
    /// [`Transcoder::request`] returned.
    #[must_use]
    pub fn items(&self, route: &Route, fields: Option<Selection>) -> Items {
        Items {
            schema: Arc::clone(&self.schema),
            output: route.output_id,
            fields,
        }
    }
}

impl Items {
    /// Prints one message as `data` of [`Transcoder::reply`] would be, without
    /// the envelope around it (ST-2).
    ///
    /// Fails on bytes that are no such message and on values without a JSON form.
    pub fn print(&self, message: &[u8]) -> Result<Item, Error> {
        let output = self.schema.at(self.output);
        let mut writer = Writer::new(&self.schema, Dialect::Api, message.len() * 2 + 64);
        writer.select(self.fields.as_ref());
        writer.message(output, message)?;
        let cursor = reply::text(output, message, "cursor")?;
        Ok(Item {
            json: writer.out,
            cursor: cursor.filter(|cursor| !cursor.is_empty()),
        })
    }
}

impl fmt::Debug for Items {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = self.schema.at(self.output).descriptor.full_name();
        f.debug_tuple("Items").field(&message).finish()
    }
}
