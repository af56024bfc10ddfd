//! Reply messages as HTTP bodies: the envelope, lists lifted into it, raw bodies.

mod kept;

use std::ops::Range;

use crate::error::Error;
use crate::json::Dialect;
use crate::json::escape;
use crate::json::read::Reader;
use crate::json::write::{Mark, Selection, Writer};
use crate::route::{ReplyShape, Route};
use crate::schema::{Field, Kind, Message, Schema, Shape, Special};
use crate::transcoder::Transcoder;
use crate::wire;

pub use self::kept::Kept;

/// Most names `fields` takes (FL-4).
const MOST_FIELDS: usize = 50;

/// What the envelope's `meta` says beside the message.
#[derive(Debug, Clone, Copy)]
pub struct ReplyMeta<'a> {
    /// The request's id.
    pub request_id: &'a str,
    /// When the reply was made, RFC 3339 with milliseconds and `Z` (CV-8).
    pub timestamp: &'a str,
    /// Whether the message was kept from earlier because its service cannot be asked now (GW-13).
    pub stale: bool,
}

impl ReplyMeta<'_> {
    /// Bytes it usually prints as, at most.
    const USUAL: usize = 160;

    fn print(&self, body: &mut Vec<u8>) {
        body.extend_from_slice(b"\"timestamp\":");
        escape::string(body, self.timestamp);
        body.extend_from_slice(b",\"version\":\"1.0\",\"requestId\":");
        escape::string(body, self.request_id);
        if self.stale {
            body.extend_from_slice(b",\"stale\":true");
        }
    }
}

/// A reply, ready to be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP body.
    pub body: Vec<u8>,
    /// For raw replies: their Content-Type (TR-13). The body has no envelope then.
    pub raw_content_type: Option<String>,
    /// For lists with `pagination`: what it says, for the paging headers (PG-5).
    pub page: Option<Page>,
    /// The reply's `version`, for the `ETag` of single resources (CQ-1, CQ-3).
    pub version: Option<i64>,
    /// The reply's `id`, for `Location`.
    pub id: Option<String>,
    /// Whether optional parts failed: `meta.partial` is not empty (SC-5, K-4).
    pub partial: bool,
    data: Range<usize>,
    pagination: Range<usize>,
    lifted: Range<usize>,
    // What `meta` says of this reply alone; raw replies have none.
    own: Range<usize>,
}

/// What `pagination` says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Page {
    /// The page number, from 1; none in cursor mode.
    pub page: Option<i64>,
    /// The page size.
    pub limit: Option<i64>,
    /// How many rows there are; none in cursor mode.
    pub total: Option<i64>,
}

impl Reply {
    /// The parts of the body an `ETag` covers: `data`, `pagination` and what was
    /// lifted into `meta`, but neither timestamp nor request id (K-4). For raw
    /// replies the whole body.
    pub fn tagged(&self) -> [&[u8]; 3] {
        [&self.data, &self.pagination, &self.lifted].map(|range| &self.body[range.clone()])
    }

    fn raw(wire: &[u8]) -> Result<Self, Error> {
        let content_type = match wire::last(wire, 1)? {
            Some((wire::CHUNK, mut value)) => wire::text(&mut value)?.to_owned(),
            _ => "application/octet-stream".to_owned(),
        };
        let body = match wire::last(wire, 2)? {
            Some((wire::CHUNK, mut value)) => wire::chunk(&mut value)?.to_vec(),
            _ => Vec::new(),
        };
        Ok(Self {
            data: 0..body.len(),
            body,
            raw_content_type: Some(content_type),
            ..Self::default()
        })
    }
}

impl Transcoder {
    /// Makes the HTTP body of a reply message.
    ///
    /// `data` is the message (CV-2); a list's `items`, or its `groups` where
    /// they are not empty, with `pagination` beside and every other field in
    /// `meta` (TR-12); or the field `response_body` names. `google.api.HttpBody`
    /// passes as it is (TR-13). `fields` is what [`Transcoder::request`] returned.
    ///
    /// Fails on bytes that are no such message and on values without a JSON form.
    pub fn reply(
        &self,
        route: &Route,
        message: &[u8],
        meta: &ReplyMeta<'_>,
        fields: Option<&Selection>,
    ) -> Result<Reply, Error> {
        let output = self.schema.at(route.output_id);
        let envelope = Envelope {
            schema: &self.schema,
            output,
            message,
            meta,
            fields,
        };
        match route.shape {
            ReplyShape::Raw => Reply::raw(message),
            ReplyShape::Plain => envelope.plain(),
            ReplyShape::List {
                items,
                pagination,
                groups,
            } => envelope.list(items, pagination, groups),
            ReplyShape::Field { index, raw: true } => {
                let number = output.fields[usize::from(index)].number;
                match wire::last(message, number)? {
                    Some((wire::CHUNK, mut value)) => Reply::raw(wire::chunk(&mut value)?),
                    _ => Reply::raw(&[]),
                }
            }
            ReplyShape::Field { index, raw: false } => envelope.field(index),
        }
    }
}

struct Envelope<'a> {
    schema: &'a Schema,
    output: &'a Message,
    message: &'a [u8],
    meta: &'a ReplyMeta<'a>,
    fields: Option<&'a Selection>,
}

impl<'a> Envelope<'a> {
    fn writer(&self, spare: usize) -> Writer<'a> {
        let mut writer = Writer::new(self.schema, Dialect::Api, self.message.len() * 2 + spare);
        writer.select(self.fields);
        writer
    }

    fn plain(&self) -> Result<Reply, Error> {
        let mut writer = self.writer(512);
        writer.out.extend_from_slice(OPEN);
        writer.message(self.output, self.message)?;
        let mut reply = Reply {
            data: OPEN.len()..writer.out.len(),
            body: writer.out,
            ..Reply::default()
        };
        reply.version = self.number(self.output, self.message, "version")?;
        reply.id = text(self.output, self.message, "id")?;
        self.close(&mut reply);
        Ok(reply)
    }

    fn marked(&self) -> Result<(Vec<u8>, Vec<Mark>), Error> {
        let mut writer = self.writer(64);
        let mut marks = Vec::with_capacity(self.output.fields.len());
        writer.marked(self.output, self.message, &mut marks)?;
        Ok((writer.out, marks))
    }

    fn field(&self, index: u16) -> Result<Reply, Error> {
        let (printed, marks) = self.marked()?;
        let data = marks.iter().find(|mark| mark.field == usize::from(index));
        let mut reply = Reply {
            body: OPEN.to_vec(),
            ..Reply::default()
        };
        reply
            .body
            .extend_from_slice(data.map_or(b"null", |mark| &printed[mark.value..mark.end]));
        reply.data = OPEN.len()..reply.body.len();
        self.close(&mut reply);
        Ok(reply)
    }

    fn list(
        &self,
        items: u16,
        pagination: Option<u16>,
        groups: Option<u16>,
    ) -> Result<Reply, Error> {
        let (printed, marks) = self.marked()?;
        let value = |index: Option<u16>| {
            let mark = marks
                .iter()
                .find(|mark| Some(mark.field) == index.map(usize::from));
            mark.map(|mark| &printed[mark.value..mark.end])
        };
        let filled = |&index: &u16| !value(Some(index)).is_none_or(is_empty);
        let data = value(groups.filter(filled).or(Some(items))).unwrap_or(b"[]");
        let mut reply = Reply {
            body: Vec::with_capacity(printed.len() + 256),
            ..Reply::default()
        };
        reply.body.extend_from_slice(OPEN);
        reply.body.extend_from_slice(data);
        reply.data = OPEN.len()..reply.body.len();
        if let Some(value) = value(pagination) {
            reply.body.extend_from_slice(b",\"pagination\":");
            let start = reply.body.len();
            reply.body.extend_from_slice(value);
            reply.pagination = start..reply.body.len();
            reply.page = self.page(pagination)?;
        }
        // `groups` is data or, empty, nothing: it is never lifted.
        let taken = [Some(items), pagination, groups];
        let lifted = |mark: &&Mark| !taken.contains(&Some(mark.field as u16));
        self.lift(&mut reply, &printed, marks.iter().filter(lifted));
        Ok(reply)
    }

    // The further fields of a list go into `meta`.
    fn lift<'m>(&self, reply: &mut Reply, printed: &[u8], marks: impl Iterator<Item = &'m Mark>) {
        self.open_meta(reply);
        let start = reply.body.len();
        for mark in marks {
            let field = &self.output.fields[mark.field];
            let value = &printed[mark.value..mark.end];
            reply.body.extend_from_slice(field.key.as_bytes());
            reply.body.extend_from_slice(value);
            reply.partial |= &*field.proto_name == "partial" && !is_empty(value);
        }
        reply.lifted = start..reply.body.len();
        reply.body.extend_from_slice(b"}}");
    }

    fn open_meta(&self, reply: &mut Reply) {
        reply.body.extend_from_slice(b",\"meta\":{");
        let start = reply.body.len();
        self.meta.print(&mut reply.body);
        reply.own = start..reply.body.len();
    }

    fn close(&self, reply: &mut Reply) {
        self.open_meta(reply);
        reply.body.extend_from_slice(b"}}");
    }

    fn page(&self, pagination: Option<u16>) -> Result<Option<Page>, Error> {
        let Some(field) = pagination.map(|index| &self.output.fields[usize::from(index)]) else {
            return Ok(None);
        };
        let Kind::Message(id) = field.kind else {
            return Ok(None);
        };
        let Some((wire::CHUNK, mut value)) = wire::last(self.message, field.number)? else {
            return Ok(None);
        };
        let page = wire::chunk(&mut value)?;
        let number = |name| self.number(self.schema.at(id), page, name);
        Ok(Some(Page {
            page: number("page")?,
            limit: number("limit")?,
            total: number("total")?,
        }))
    }

    fn number(&self, message: &Message, wire: &[u8], name: &str) -> Result<Option<i64>, Error> {
        let Some(field) = singular(message, name) else {
            return Ok(None);
        };
        if !matches!(
            field.kind,
            Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64
        ) {
            return Ok(None);
        }
        match wire::last(wire, field.number)? {
            Some((wire::VARINT, mut value)) => Ok(Some(wire::varint(&mut value)? as i64)),
            _ => Ok((!field.presence).then_some(0)),
        }
    }
}

const OPEN: &[u8] = b"{\"success\":true,\"data\":";

fn is_empty(json: &[u8]) -> bool {
    matches!(json, b"[]" | b"{}" | b"null" | b"false" | b"\"\"")
}

/// The text of a singular string field; none where the message has none.
pub(crate) fn text(message: &Message, wire: &[u8], name: &str) -> Result<Option<String>, Error> {
    let Some(field) = singular(message, name).filter(|field| field.kind == Kind::String) else {
        return Ok(None);
    };
    match wire::last(wire, field.number)? {
        Some((wire::CHUNK, mut value)) => Ok(Some(wire::text(&mut value)?.to_owned())),
        _ => Ok(None),
    }
}

fn singular<'m>(message: &'m Message, name: &str) -> Option<&'m Field> {
    let field = &message.fields[message.by_proto_name(name)?];
    (field.shape == Shape::Singular).then_some(field)
}

/// The message whose fields `fields` names, and how deep it stands.
pub(crate) fn item(schema: &Schema, route: &Route) -> Option<(u32, usize)> {
    let output = schema.at(route.output_id);
    let below = |index: u16| match output.fields[usize::from(index)].kind {
        Kind::Message(id) => Some((id, 1)),
        _ => None,
    };
    let found = match route.shape {
        ReplyShape::Plain => Some((route.output_id, 0)),
        ReplyShape::Raw | ReplyShape::Field { raw: true, .. } => None,
        ReplyShape::List { items, .. } => below(items),
        ReplyShape::Field { index, raw: false } => below(index),
    };
    found.filter(|&(id, _)| schema.at(id).special == Special::None)
}

/// Reads the names of `fields`; `id` is always among them (FL-4).
pub(crate) fn selection(
    reader: &mut Reader<'_>,
    schema: &Schema,
    route: &Route,
    values: &[String],
) -> Option<Selection> {
    let (id, depth) = item(schema, route)?;
    let message = schema.at(id);
    let names: Vec<&str> = values
        .iter()
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    if names.is_empty() {
        return None;
    }
    if names.len() > MOST_FIELDS {
        reader.note(format!("names more than {MOST_FIELDS} fields"));
        return None;
    }
    let mut fields = vec![false; message.fields.len()];
    for name in names {
        match message.by_key(name, 0) {
            Some(named) => fields[usize::from(named.index)] = true,
            None => {
                let all: Vec<&str> = message
                    .fields
                    .iter()
                    .map(|field| &*field.json_name)
                    .collect();
                let nearest =
                    crate::nearest::unknown(&format!("name \"{name}\""), name, all.iter().copied());
                reader.note(format!("{nearest}; the names are {}", all.join(", ")));
            }
        }
    }
    if let Some(index) = message.by_proto_name("id") {
        fields[index] = true;
    }
    Some(Selection {
        message: id,
        depth,
        fields: fields.into(),
    })
}
