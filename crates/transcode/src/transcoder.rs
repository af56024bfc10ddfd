//! The public face: one value that holds the tables, the routes and the trie.

use std::sync::Arc;

use prost_reflect::DescriptorPool;

use crate::error::{BuildError, Error, RouteError, Violation};
use crate::json::read::Reader;
use crate::json::write::Writer;
use crate::json::{Dialect, read::Slot};
use crate::route::{self, Route};
use crate::router::Router;
use crate::schema::{Schema, Special};

/// The compiled contracts.
#[derive(Debug)]
pub struct Transcoder {
    pub(crate) schema: Arc<Schema>,
    routes: Vec<Route>,
    router: Router,
}

/// A request's route and what its path says.
#[derive(Debug)]
pub struct Match<'t> {
    /// The route.
    pub route: &'t Route,
    /// Its place among [`Transcoder::routes`].
    pub place: usize,
    // HEAD counts as GET.
    pub(crate) method: String,
    pub(crate) segments: Vec<String>,
}

impl Match<'_> {
    /// The values of the path's variables by JSON path, percent-decoded.
    pub fn variables(&self) -> impl Iterator<Item = (&str, String)> {
        self.route
            .variables
            .iter()
            .map(|bound| (bound.name.as_str(), bound.value(&self.segments)))
    }
}

impl Transcoder {
    /// Compiles an encoded `FileDescriptorSet`: tables of every message, routes
    /// of every RPC with a `google.api.http` rule.
    ///
    /// Fails on templates that break the grammar, on rules that name fields
    /// which do not exist, on client-streaming RPCs with a rule, and on two bindings
    /// that match the same requests (GW-1).
    pub fn new(descriptor: &[u8]) -> Result<Self, BuildError> {
        let schema = Schema::new(DescriptorPool::decode(descriptor)?);
        let (routes, templates) = route::all(&schema)?;
        let router = Router::new(&routes, &templates)?;
        Ok(Self {
            schema: Arc::new(schema),
            routes,
            router,
        })
    }

    /// Every route, in the order of the descriptor set.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// Finds the route of a request. `raw_path` is the path as it came, still
    /// percent-encoded and without query. HEAD finds GET's route (TR-19).
    ///
    /// The most specific template of the path decides before its methods are
    /// looked at (K-6); a path that could be read in two ways is refused (TR-14).
    pub fn find(&self, method: &str, raw_path: &str) -> Result<Match<'_>, RouteError> {
        let found = self.router.find(method, raw_path)?;
        let method = if method == "HEAD" { "GET" } else { method }.to_owned();
        Ok(Match {
            route: &self.routes[found.route],
            place: found.route,
            method,
            segments: found.segments,
        })
    }

    /// Reads the JSON form of a message into its wire form.
    ///
    /// Fails with [`Error::Json`] and everything that is wrong, or with
    /// [`Error::UnknownMessage`].
    pub fn json_to_wire(
        &self,
        message: &str,
        json: &[u8],
        dialect: Dialect,
    ) -> Result<Vec<u8>, Error> {
        self.read(message, json, Reader::new(&self.schema, dialect))
    }

    /// As [`Transcoder::json_to_wire`] in the standard dialect, passing over
    /// unknown fields and enum names instead of refusing them.
    pub fn json_to_wire_ignoring_unknown(
        &self,
        message: &str,
        json: &[u8],
    ) -> Result<Vec<u8>, Error> {
        self.read(
            message,
            json,
            Reader::new(&self.schema, Dialect::Standard).lenient(),
        )
    }

    fn read<'s>(
        &'s self,
        message: &str,
        json: &[u8],
        mut reader: Reader<'s>,
    ) -> Result<Vec<u8>, Error> {
        let message = self.schema.message(message)?;
        if message.special == Special::None {
            reader.read_object(json, message, None);
            return if reader.violations.is_empty() {
                Ok(reader.out)
            } else {
                Err(Error::Json(reader.violations))
            };
        }
        let slot = Slot {
            tag: 0,
            field: &message.within_any,
            keep: true,
        };
        let outcome = reader.read_value(json, slot);
        if reader.violations.is_empty() && outcome == Some(crate::json::read::Outcome::Null) {
            reader
                .violations
                .push(Violation::new("", "must not be null"));
        }
        if !reader.violations.is_empty() {
            return Err(Error::Json(reader.violations));
        }
        // The value was written with its length in front.
        let mut wire = reader.out.as_slice();
        Ok(crate::wire::chunk(&mut wire)?.to_vec())
    }

    /// Prints the wire form of a message as JSON.
    ///
    /// Fails with [`Error::Wire`] on bytes that do not decode and with
    /// [`Error::Unprintable`] on values without a JSON form.
    pub fn wire_to_json(
        &self,
        message: &str,
        wire: &[u8],
        dialect: Dialect,
    ) -> Result<Vec<u8>, Error> {
        let message = self.schema.message(message)?;
        let mut writer = Writer::new(&self.schema, dialect, wire.len() * 2 + 64);
        writer.message(message, wire)?;
        Ok(writer.out)
    }
}
