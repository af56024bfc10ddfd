//! One request message out of path, query and body.
//!
//! The path's values come first in the message; a query or body value for the
//! same field must equal them (TR-16). Everything wrong is collected (CV-3).

use crate::error::Violation;
use crate::json::Dialect;
use crate::json::read::{Outcome, Reader, Slot, Top};
use crate::json::write::Selection;
use crate::query;
use crate::route::{Body, Bound};
use crate::schema::{Field, Kind, Message, Schema, Shape, Special};
use crate::transcoder::{Match, Transcoder};
use crate::wire;

/// A request, bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The request message, encoded.
    pub message: Vec<u8>,
    /// The item fields the client asked for, for [`Transcoder::reply`] (FL-4).
    pub fields: Option<Selection>,
}

impl Bound {
    /// The variable's text. A slash that was encoded within one of several
    /// segments stays `%2F`, so that it cannot be taken for a separator.
    pub(crate) fn value(&self, segments: &[String]) -> String {
        let end = self.range.end.min(segments.len());
        let covered = segments.get(self.range.start..end).unwrap_or_default();
        match covered {
            [one] if !self.multiple => one.clone(),
            many => many
                .iter()
                .map(|segment| segment.replace('/', "%2F"))
                .collect::<Vec<_>>()
                .join("/"),
        }
    }
}

impl Transcoder {
    /// Binds path, query and body into the request message.
    ///
    /// `query` is the raw query without `?`; `body` the whole HTTP body, empty
    /// meaning `{}` (CV-13). GET and DELETE read a body only where their route
    /// says so (TR-20). In PUT and PATCH, `null` clears clearable fields and is
    /// refused for others; elsewhere it counts as absent (CV-14, TR-5).
    ///
    /// Fails with everything that is wrong, at most a hundred things.
    pub fn request(
        &self,
        found: &Match<'_>,
        query: Option<&str>,
        body: &[u8],
    ) -> Result<Decoded, Vec<Violation>> {
        let route = found.route;
        let input = self.schema.at(route.input_id);
        let mut reader = Reader::new(&self.schema, Dialect::Api);
        let captures = captures(&mut reader, &self.schema, found);
        let rest = reader.out.len();
        let fields = query::bind(&mut reader, &self.schema, found, query.unwrap_or_default());
        Assembly {
            schema: &self.schema,
            input,
            found,
        }
        .body(&mut reader, body);
        for capture in &captures {
            if capture.differs(&reader.out[rest..]) {
                reader.note_at(&capture.bound.name, "differs from the value in the path");
            }
        }
        if reader.violations.is_empty() {
            Ok(Decoded {
                message: reader.out,
                fields,
            })
        } else {
            Err(reader.violations)
        }
    }
}

/// A path variable's value, encoded.
struct Capture<'t> {
    bound: &'t Bound,
    fields: Vec<&'t Field>,
    // Tag and value of the innermost field.
    leaf: Vec<u8>,
}

fn captures<'t>(
    reader: &mut Reader<'t>,
    schema: &'t Schema,
    found: &Match<'t>,
) -> Vec<Capture<'t>> {
    let mut captures = Vec::new();
    for bound in &found.route.variables {
        let fields = fields_of(schema, found.route.input_id, &bound.path);
        let Some(last) = fields.last() else { continue };
        let before = reader.violations.len();
        let frames = open_frames(reader, &fields);
        let start = reader.out.len();
        reader.parameter(Slot::of(last).kept(), &bound.value(&found.segments));
        let leaf = reader.out[start..].to_vec();
        close_frames(reader, frames);
        reader.prefix(before, &bound.name);
        captures.push(Capture {
            bound,
            fields,
            leaf,
        });
    }
    captures
}

/// The fields along a path of indexes.
pub(crate) fn fields_of<'s>(schema: &'s Schema, message: u32, path: &[u16]) -> Vec<&'s Field> {
    let mut message = schema.at(message);
    let mut fields = Vec::with_capacity(path.len());
    for &index in path {
        let field = &message.fields[usize::from(index)];
        fields.push(field);
        if let Kind::Message(id) = field.kind {
            message = schema.at(id);
        }
    }
    fields
}

/// Opens the messages around the last of `fields`.
pub(crate) fn open_frames(reader: &mut Reader<'_>, fields: &[&Field]) -> Vec<usize> {
    let parents = fields.split_last().map_or(&[][..], |(_, parents)| parents);
    parents
        .iter()
        .map(|parent| {
            wire::put_varint(&mut reader.out, u64::from(parent.tag));
            wire::open(&mut reader.out)
        })
        .collect()
}

/// Closes what [`open_frames`] opened.
pub(crate) fn close_frames(reader: &mut Reader<'_>, frames: Vec<usize>) {
    for frame in frames.into_iter().rev() {
        wire::close(&mut reader.out, frame);
    }
}

impl Capture<'_> {
    // Whether another value of the field stands in the message.
    fn differs(&self, message: &[u8]) -> bool {
        let mut wanted = self.leaf.as_slice();
        // Without a leaf the value was wrong, which has been noted.
        wire::tag(&mut wanted).is_ok() && differs(message, &self.fields, wanted)
    }
}

fn differs(mut message: &[u8], fields: &[&Field], wanted: &[u8]) -> bool {
    let Some((first, inner)) = fields.split_first() else {
        return false;
    };
    while !message.is_empty() {
        let Ok(tag) = wire::tag(&mut message) else {
            return false;
        };
        let mut value = message;
        if wire::skip(&mut message, tag, 0).is_err() {
            return false;
        }
        if tag >> 3 != first.number {
            continue;
        }
        let given = &value[..value.len() - message.len()];
        let other = if !inner.is_empty() {
            wire::chunk(&mut value).is_ok_and(|chunk| differs(chunk, inner, wanted))
        } else if first.uuid {
            !given.eq_ignore_ascii_case(wanted)
        } else {
            given != wanted
        };
        if other {
            return true;
        }
    }
    false
}

/// What reading a body needs to know.
struct Assembly<'t, 'f> {
    schema: &'t Schema,
    input: &'t Message,
    found: &'f Match<'t>,
}

impl<'t> Assembly<'t, '_> {
    fn body(&self, reader: &mut Reader<'t>, body: &[u8]) {
        let empty = body.iter().all(u8::is_ascii_whitespace);
        let body = if empty { b"{}" } else { body };
        let mut top = Top {
            update: matches!(self.found.method.as_str(), "PUT" | "PATCH"),
            ..Top::default()
        };
        match self.found.route.body {
            Body::Ignored => {}
            Body::Empty => {
                top.closed = true;
                reader.read_object(body, self.input, Some(&mut top));
            }
            Body::Whole => {
                top.bound = self.bound_below(&[]);
                self.object(reader, body, self.input, &mut top);
                self.mask(reader, self.input, &top, true);
            }
            Body::Field(index) => self.field(reader, index, body, empty, &mut top),
        }
    }

    // The fields right below `parents` that the path binds.
    fn bound_below(&self, parents: &[u16]) -> Vec<u16> {
        let below = |bound: &Bound| match bound.path.split_last() {
            Some((last, above)) if above == parents => Some(*last),
            _ => None,
        };
        self.found
            .route
            .variables
            .iter()
            .filter_map(below)
            .collect()
    }

    fn field(&self, reader: &mut Reader<'t>, index: u16, body: &[u8], empty: bool, top: &mut Top) {
        let field = &self.input.fields[usize::from(index)];
        if let (Shape::Singular, Kind::Message(id)) = (field.shape, field.kind)
            && self.schema.at(id).special == Special::None
        {
            let message = self.schema.at(id);
            top.bound = self.bound_below(&[index]);
            wire::put_varint(&mut reader.out, u64::from(field.tag));
            let start = wire::open(&mut reader.out);
            self.object(reader, body, message, top);
            wire::close(&mut reader.out, start);
            self.mask(reader, message, top, false);
        } else if !empty
            && reader.read_field(body, field) == Some(Outcome::Null)
            && top.update
            && !field.clearable
        {
            reader.note("must not be null");
        }
    }

    fn object(&self, reader: &mut Reader<'t>, body: &[u8], message: &'t Message, top: &mut Top) {
        reader.read_object(body, message, Some(top));
        let unknown = &mut top.collected.unknown;
        if let Some(index) = message.catch_all.filter(|_| !unknown.is_empty()) {
            unknown.push(b'}');
            let field = &message.fields[usize::from(index)];
            wire::put_varint(&mut reader.out, u64::from(field.tag));
            wire::put_chunk(&mut reader.out, unknown);
            top.collected.present.push(index);
        }
    }

    // TR-5: the update mask says which keys were present, unless the body brought one.
    fn mask(&self, reader: &mut Reader<'t>, message: &'t Message, top: &Top, whole: bool) {
        let Some(index) = self.input.update_mask else {
            return;
        };
        let field = &self.input.fields[usize::from(index)];
        if whole && top.collected.present.contains(&index) {
            return known_paths(reader, field, message);
        }
        wire::put_varint(&mut reader.out, u64::from(field.tag));
        let start = wire::open(&mut reader.out);
        for present in top
            .collected
            .present
            .iter()
            .filter(|index| !top.bound.contains(index))
        {
            let name = &message.fields[usize::from(*present)].proto_name;
            wire::put_varint(&mut reader.out, u64::from(1 << 3 | wire::CHUNK));
            wire::put_chunk(&mut reader.out, name.as_bytes());
        }
        wire::close(&mut reader.out, start);
    }
}

// Every path of an explicit mask begins with a field of the message.
fn known_paths(reader: &mut Reader<'_>, field: &Field, message: &Message) {
    let Ok(Some((_, mut value))) = wire::last(&reader.out, field.number) else {
        return;
    };
    let Ok(mut mask) = wire::chunk(&mut value) else {
        return;
    };
    let mut unknown = Vec::new();
    while let Ok(tag) = wire::tag(&mut mask) {
        let Ok(path) = wire::text(&mut mask) else {
            break;
        };
        let name = path.split('.').next().unwrap_or_default();
        if tag >> 3 == 1 && message.by_proto_name(name).is_none() {
            unknown.push(crate::json::mask::camel_name(name));
        }
    }
    for name in unknown {
        reader.note_at(
            &field.json_name,
            crate::nearest::unknown(&format!("field \"{name}\""), &name, message.json_names()),
        );
    }
}
