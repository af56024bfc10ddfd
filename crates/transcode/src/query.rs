//! Query parameters to request fields (TR-15, CV-7, FL-6).

mod filter;

use crate::json::mask;
use crate::json::read::{Reader, Slot};
use crate::json::write::Selection;
use crate::nearest;
use crate::reply;
use crate::request::{close_frames, fields_of, open_frames};
use crate::route::{Body, is_text};
use crate::schema::{Field, Kind, Schema, Shape};
use crate::transcoder::Match;
use crate::wire;

/// More parameters than any route could mean.
const MOST: usize = 1_000;

/// The page size: of this one a number that is too large counts as the largest there is (CV-7).
const LIMIT: &str = "limit";
const MOST_INT32: &str = "2147483647";

/// The parameter that selects item fields (FL-4).
const FIELDS: &str = "fields";

/// What a parameter name means.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    /// A request field, by the indexes that lead to it.
    Field(Vec<u16>),
    /// One of the RPC's filter names, by index.
    Filter(usize),
    /// The selection of item fields.
    Fields,
}

/// A parameter with all its values.
#[derive(Debug)]
struct Parameter {
    target: Target,
    name: String,
    values: Vec<String>,
}

/// Binds a query into the request message and returns the selected item fields.
pub(crate) fn bind<'t>(
    reader: &mut Reader<'t>,
    schema: &'t Schema,
    found: &Match<'t>,
    query: &str,
) -> Option<Selection> {
    let binder = Binder { schema, found };
    let mut parameters = binder.parameters(reader, query);
    filter::fold(reader, schema, found.route, &mut parameters);
    let mut oneofs = Vec::new();
    let mut selection = None;
    for parameter in &parameters {
        let before = reader.violations.len();
        if let Target::Field(path) = &parameter.target {
            let fields = fields_of(schema, found.route.input_id, path);
            write(reader, &fields, parameter);
            let oneof = fields
                .last()
                .and_then(|field| field.oneof)
                .map(|oneof| (&path[..path.len() - 1], oneof));
            if let Some(oneof) = oneof {
                if oneofs.contains(&oneof) {
                    reader.note("is an alternative to another parameter that is given too");
                }
                oneofs.push(oneof);
            }
        }
        if binder.selects(parameter) {
            selection = reply::selection(reader, schema, found.route, &parameter.values);
        }
        reader.prefix(before, &parameter.name);
    }
    selection
}

struct Binder<'t, 'f> {
    schema: &'t Schema,
    found: &'f Match<'t>,
}

impl Binder<'_, '_> {
    fn parameters(&self, reader: &mut Reader<'_>, query: &str) -> Vec<Parameter> {
        let mut parameters: Vec<Parameter> = Vec::new();
        for (index, pair) in query.split('&').filter(|pair| !pair.is_empty()).enumerate() {
            if index == MOST {
                reader.note(format!("more than {MOST} query parameters"));
                break;
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let Ok(name) = decode(name) else {
                reader.note_at(name, "the parameter name is malformed");
                continue;
            };
            if name.starts_with("utm_") || name.starts_with('_') {
                continue;
            }
            let Ok(value) = decode(value) else {
                reader.note_at(&name, "holds a malformed percent escape");
                continue;
            };
            let Some(target) = self.target(&name) else {
                if reader.is_full() {
                    break;
                }
                reader.note_at(
                    &name,
                    nearest::unknown(
                        "query parameter",
                        &name,
                        self.known().iter().map(String::as_str),
                    ),
                );
                continue;
            };
            match parameters.iter_mut().find(|known| known.target == target) {
                Some(known) => known.values.push(value),
                None => parameters.push(Parameter {
                    target,
                    name,
                    values: vec![value],
                }),
            }
        }
        parameters
    }

    fn target(&self, name: &str) -> Option<Target> {
        if let Some(path) = self.field(name) {
            return Some(Target::Field(path));
        }
        let camel = mask::camel_name(name);
        if let Some(index) = self
            .found
            .route
            .filters
            .iter()
            .position(|filter| filter.name == camel)
        {
            return Some(Target::Filter(index));
        }
        (name == FIELDS && self.selectable()).then_some(Target::Fields)
    }

    fn field(&self, name: &str) -> Option<Vec<u16>> {
        let mut message = self.schema.at(self.found.route.input_id);
        let mut path = Vec::new();
        let mut parts = name.split('.').peekable();
        while let Some(part) = parts.next() {
            let index = message.by_key(part, 0)?.index;
            if message.catch_all == Some(index) || (path.is_empty() && !self.outside_body(index)) {
                return None;
            }
            path.push(index);
            let field = &message.fields[usize::from(index)];
            let last = parts.peek().is_none();
            match (field.shape, field.kind) {
                (Shape::Map { .. }, _) => return None,
                (Shape::Singular, Kind::Message(id)) if !last && !is_text(self.schema.at(id)) => {
                    message = self.schema.at(id)
                }
                (_, Kind::Message(id)) if !is_text(self.schema.at(id)) => return None,
                _ if !last => return None,
                _ => {}
            }
        }
        Some(path)
    }

    // Fields the body takes are no parameters.
    fn outside_body(&self, index: u16) -> bool {
        match self.found.route.body {
            Body::Whole => false,
            Body::Field(body) => body != index,
            Body::Ignored | Body::Empty => true,
        }
    }

    fn selectable(&self) -> bool {
        self.found.method == "GET" && reply::item(self.schema, self.found.route).is_some()
    }

    fn selects(&self, parameter: &Parameter) -> bool {
        match &parameter.target {
            Target::Fields => true,
            Target::Field(path) => match path[..] {
                [index] => {
                    let input = self.schema.at(self.found.route.input_id);
                    &*input.fields[usize::from(index)].json_name == FIELDS && self.selectable()
                }
                _ => false,
            },
            Target::Filter(_) => false,
        }
    }

    fn known(&self) -> Vec<String> {
        let route = self.found.route;
        let bound = |index: usize| {
            route
                .variables
                .iter()
                .any(|bound| bound.path[..] == [index as u16])
        };
        let input = self.schema.at(route.input_id);
        let open = |index: usize| self.outside_body(index as u16) && !bound(index);
        let fields = input
            .fields
            .iter()
            .enumerate()
            .filter(|&(index, _)| open(index))
            .map(|(_, field)| field);
        fields
            .flat_map(|field| self.spelled(field))
            .filter(|name| self.field(name).is_some())
            .chain(route.filters.iter().map(|filter| filter.name.clone()))
            .chain(self.selectable().then(|| FIELDS.to_owned()))
            .collect()
    }

    // A field's parameter name, or those of the fields right below it.
    fn spelled(&self, field: &Field) -> Vec<String> {
        match field.kind {
            Kind::Message(id) if !is_text(self.schema.at(id)) => {
                let below = self.schema.at(id).fields.iter();
                below
                    .map(|inner| format!("{}.{}", field.json_name, inner.json_name))
                    .collect()
            }
            _ => vec![field.json_name.to_string()],
        }
    }
}

fn write<'t>(reader: &mut Reader<'t>, fields: &[&'t Field], parameter: &Parameter) {
    let Some(&field) = fields.last() else { return };
    let frames = open_frames(reader, fields);
    if let Shape::Repeated { packed } = field.shape {
        // One comma list and repeated parameters mean the same (FL-6).
        let values: Vec<&str> = match &parameter.values[..] {
            [one] if one.is_empty() => Vec::new(),
            [one] => one.split(',').collect(),
            many => many.iter().map(String::as_str).collect(),
        };
        let before = reader.out.len();
        let mut slot = Slot::of(field).kept();
        let mut start = None;
        if packed {
            wire::put_varint(&mut reader.out, u64::from(field.chunk_tag()));
            start = Some(wire::open(&mut reader.out));
            slot.tag = 0;
        }
        for value in values {
            reader.parameter(slot, value);
        }
        match start {
            Some(start) if reader.out.len() == start => reader.out.truncate(before),
            Some(start) => wire::close(&mut reader.out, start),
            None => {}
        }
    } else if let [value] = &parameter.values[..] {
        let most = field.kind == Kind::Int32 && &*field.json_name == LIMIT && beyond(value);
        let value = if most { MOST_INT32 } else { value };
        reader.parameter(Slot::of(field).kept(), value);
    } else {
        reader.note("is given more than once");
    }
    close_frames(reader, frames);
}

// Whether it is a whole number that an int32 cannot hold, however long.
fn beyond(value: &str) -> bool {
    let digits = value.trim_start_matches('0');
    !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && digits.parse::<i32>().is_err()
}

// application/x-www-form-urlencoded, strictly.
fn decode(text: &str) -> Result<String, String> {
    if text.contains('+') {
        crate::path::decode(&text.replace('+', "%20"))
    } else {
        crate::path::decode(text)
    }
}
