//! The JSON form of a log line (OB-1).
//!
//! Fields become JSON text when they are recorded and are copied from there, so that a line costs a few allocations however many
//! members it has: every request writes one.

use std::fmt::{Debug, Write as _};
use std::io::Write as _;
use std::ops::Range;

use serde_json::Number;
use time::format_description::well_known::Rfc3339;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{Layer, fmt::MakeWriter, layer::Context, registry::LookupSpan};

/// The `service` of lines that are no single service's.
const PROCESS: &str = "smilefactory";

/// The members every line has of itself: no field of a span can pass for them.
const OWN: [&str; 4] = ["time", "level", "target", "message"];

/// Room for a line of the usual length.
const USUAL: usize = 512;

/// Room for as many members as most lines have.
const MEMBERS: usize = 24;

/// Writes each event as one JSON object in one line. Fields of the spans around it come
/// with it, inner ones winning; names turn from `request_id` to `requestId`.
pub(crate) struct JsonLines<W> {
    writer: W,
}

impl<W> JsonLines<W> {
    pub(crate) fn new(writer: W) -> Self {
        Self { writer }
    }
}

/// The fields of one span or event: by name the place of its value, as JSON, in one text.
#[derive(Default)]
struct Fields {
    places: Vec<(&'static str, Range<usize>)>,
    values: String,
}

/// A line being written.
struct Line {
    json: String,
    /// The fields in it; there are few.
    names: Vec<&'static str>,
}

impl<S, W> Layer<S> for JsonLines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = ctx.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: Context<'_, S>) {
        if let Some(span) = ctx.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let mut own = Fields::default();
        event.record(&mut own);
        let mut line = Line::begin(event.metadata(), own.value("message"));
        line.add(&own);
        for span in ctx.event_scope(event).into_iter().flatten() {
            if let Some(fields) = span.extensions().get::<Fields>() {
                line.add(fields);
            }
        }
        // A log that cannot be written cannot be reported either.
        let _lost = self
            .writer
            .make_writer_for(event.metadata())
            .write_all(line.end().as_bytes());
    }
}

impl Line {
    fn begin(metadata: &Metadata<'_>, message: Option<&str>) -> Self {
        let now = identity::clock::now().format(&Rfc3339).unwrap_or_default();
        let mut line = Self {
            json: String::with_capacity(USUAL),
            names: Vec::with_capacity(MEMBERS),
        };
        line.names.extend(OWN);
        line.json.push('{');
        line.text("time", &now);
        line.text("level", metadata.level().as_str());
        line.text("target", metadata.target());
        line.member("message", message.unwrap_or("\"\""));
        line
    }

    /// Adds the fields that are not there yet; of two with one name the later counts.
    fn add(&mut self, fields: &Fields) {
        for (index, (name, place)) in fields.places.iter().enumerate() {
            let mut later = fields.places[index + 1..].iter();
            if later.any(|(later, _)| later == name) || self.names.contains(name) {
                continue;
            }
            self.names.push(name);
            self.member(name, &fields.values[place.clone()]);
        }
    }

    /// Writes one member with a JSON value; `request_id` becomes `requestId`. Names are those of fields in the code.
    fn member(&mut self, name: &str, value: &str) {
        self.name(name);
        self.json.push_str(value);
    }

    fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        quote(&mut self.json, text);
    }

    fn name(&mut self, name: &str) {
        if self.json.len() > 1 {
            self.json.push(',');
        }
        self.json.push('"');
        let mut words = name.split('_');
        self.json.push_str(words.next().unwrap_or_default());
        for word in words {
            let mut letters = word.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase());
            self.json.extend(first);
            self.json.push_str(letters.as_str());
        }
        self.json.push_str("\":");
    }

    fn end(mut self) -> String {
        if !self.names.contains(&"service") {
            self.text("service", PROCESS);
        }
        self.json.push_str("}\n");
        self.json
    }
}

impl Fields {
    fn value(&self, name: &str) -> Option<&str> {
        let (_, place) = self.places.iter().rfind(|(known, _)| *known == name)?;
        self.values.get(place.clone())
    }

    fn put(&mut self, field: &Field, write: impl FnOnce(&mut String)) {
        let start = self.values.len();
        write(&mut self.values);
        self.places.push((field.name(), start..self.values.len()));
    }

    fn number(&mut self, field: &Field, number: impl Into<Number>) {
        // Writing to memory cannot fail.
        self.put(field, |text| {
            write!(text, "{}", number.into()).ok();
        });
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, |text| {
            text.push('"');
            // A value that cannot be written ends where it failed.
            write!(Escaped(text), "{value:?}").ok();
            text.push('"');
        });
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, |text| quote(text, value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        match Number::from_f64(value) {
            Some(number) => self.number(field, number),
            None => self.put(field, |text| text.push_str("null")),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, |text| {
            text.push_str(if value { "true" } else { "false" });
        });
    }
}

/// Appends a text as a JSON string.
fn quote(out: &mut String, text: &str) {
    out.push('"');
    escape(out, text);
    out.push('"');
}

/// Appends the inside of a JSON string. JSON escapes the control characters below U+0020;
/// terminals also obey DEL and those from U+0080 on, so they are escaped as well.
fn escape(out: &mut String, text: &str) {
    // Nearly all texts are. All bytes are looked at, so that several can be at once.
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') & (byte != b'"') & (byte != b'\\');
    if text
        .bytes()
        .fold(true, |plain, byte| plain & is_plain(byte))
    {
        out.push_str(text);
        return;
    }
    let mut written = 0;
    for (at, c) in text.char_indices() {
        if !(c == '"' || c == '\\' || c.is_control()) {
            continue;
        }
        out.push_str(&text[written..at]);
        written = at + c.len_utf8();
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ => {
                write!(out, "\\u{:04x}", u32::from(c)).ok();
            }
        }
    }
    out.push_str(&text[written..]);
}

/// Escapes what is written to it.
struct Escaped<'a>(&'a mut String);

impl std::fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        escape(self.0, text);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
