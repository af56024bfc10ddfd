//! Wire to JSON in one pass.
//!
//! Fields are expected once each and in number order, as every encoder writes
//! them. A message that comes otherwise (split or repeated fields, a oneof set
//! twice, out of order) stops with [`Stop::Slow`]; it is then re-encoded by
//! prost-reflect and walked again, so correctness never rests on the order.

mod map;
mod scalar;
mod special;

use prost::Message as _;
use prost_reflect::DynamicMessage;

use super::Dialect;
use crate::error::Error;
use crate::schema::{Field, Kind, Message, Schema, Shape, Special};
use crate::wire;

/// Why a walk ended before its message did.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The message is valid but not written the usual way.
    Slow,
    /// The message has no JSON form. Boxed, because every field's success is as large as its failure.
    Fail(Box<Error>),
}

impl Stop {
    /// Whether putting the message in order may help: another value of a field may follow the one without a JSON form, and
    /// counts instead of it.
    fn is_unprintable(&self) -> bool {
        matches!(self, Self::Fail(error) if matches!(**error, Error::Unprintable(_)))
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Fail(Box::new(error))
    }
}

impl From<&'static str> for Stop {
    fn from(reason: &'static str) -> Self {
        Error::Wire(reason).into()
    }
}

/// The item fields a client asked for (FL-4).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Selection {
    /// The message whose fields are selected.
    pub(crate) message: u32,
    /// How deep below the reply it stands.
    pub(crate) depth: usize,
    /// By field index, whether it is printed.
    pub(crate) fields: Box<[bool]>,
}

/// Where a top-level field's value was printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The field's index.
    pub(crate) field: usize,
    /// Where its key begins, comma included unless it is the first.
    pub(crate) key: usize,
    /// Where its value begins.
    pub(crate) value: usize,
    /// Where its value ends.
    pub(crate) end: usize,
}

/// Prints messages.
#[derive(Debug)]
pub(crate) struct Writer<'s> {
    schema: &'s Schema,
    dialect: Dialect,
    select: Option<&'s Selection>,
    // How many bytes may still be put in order.
    patience: usize,
    /// The JSON so far.
    pub(crate) out: Vec<u8>,
}

impl<'s> Writer<'s> {
    /// Starts an empty text.
    pub(crate) fn new(schema: &'s Schema, dialect: Dialect, capacity: usize) -> Self {
        Self {
            schema,
            dialect,
            select: None,
            patience: 0,
            out: Vec::with_capacity(capacity),
        }
    }

    /// Prints only the selected fields of the selected message.
    pub(crate) fn select(&mut self, selection: Option<&'s Selection>) {
        self.select = selection;
    }

    /// Prints a message.
    pub(crate) fn message(&mut self, message: &'s Message, wire: &[u8]) -> Result<(), Error> {
        self.patience = wire.len() * wire::DEPTH;
        let start = self.out.len();
        match self.nested(message, wire, 0) {
            Err(stop) if stop.is_unprintable() => {
                self.out.truncate(start);
                let again = self.reordered(message, wire)?;
                self.nested(message, &again, 0).map_err(failed)
            }
            done => done.map_err(failed),
        }
    }

    /// Prints a message as an object and notes where its fields are.
    pub(crate) fn marked(
        &mut self,
        message: &'s Message,
        wire: &[u8],
        marks: &mut Vec<Mark>,
    ) -> Result<(), Error> {
        self.patience = wire.len() * wire::DEPTH;
        let start = self.out.len();
        match self.walk(message, wire, 0, Some(marks)) {
            Err(stop) if matches!(stop, Stop::Slow) || stop.is_unprintable() => {
                self.out.truncate(start);
                marks.clear();
                let again = self.reordered(message, wire)?;
                self.walk(message, &again, 0, Some(marks)).map_err(failed)
            }
            done => done.map_err(failed),
        }
    }

    fn nested(&mut self, message: &'s Message, wire: &[u8], depth: usize) -> Result<(), Stop> {
        if depth >= wire::DEPTH {
            return Err("nested too deeply".into());
        }
        let start = self.out.len();
        match self.any_form(message, wire, depth) {
            Err(Stop::Slow) => {
                self.out.truncate(start);
                let again = self.reordered(message, wire)?;
                self.any_form(message, &again, depth)
                    .map_err(|stop| failed(stop).into())
            }
            done => done,
        }
    }

    // Puts a message in order, and with it all messages inside but those inside an Any. These may have to be put in order
    // again whenever what is around them has been, twice as often with each level, so there is an end to it: where any other
    // message arrives at the latest, each of its bytes put in order once a level.
    fn reordered(&mut self, message: &Message, wire: &[u8]) -> Result<Vec<u8>, Error> {
        let left = self.patience.checked_sub(wire.len());
        self.patience = left.ok_or(Error::Wire("a message repeats its fields too often"))?;
        let decoded = DynamicMessage::decode(message.descriptor.clone(), wire);
        Ok(decoded
            .map_err(|_| Error::Wire("a message does not decode"))?
            .encode_to_vec())
    }

    fn any_form(&mut self, message: &'s Message, wire: &[u8], depth: usize) -> Result<(), Stop> {
        match message.special {
            Special::None => self.walk(message, wire, depth, None),
            _ => self.special(message, wire, depth),
        }
    }

    fn walk(
        &mut self,
        message: &'s Message,
        wire: &[u8],
        depth: usize,
        marks: Option<&mut Vec<Mark>>,
    ) -> Result<(), Stop> {
        self.out.push(b'{');
        self.fields(message, wire, depth, marks)?;
        self.out.push(b'}');
        Ok(())
    }

    fn fields(
        &mut self,
        message: &'s Message,
        mut wire: &[u8],
        depth: usize,
        mut marks: Option<&mut Vec<Mark>>,
    ) -> Result<(), Stop> {
        let select = self
            .select
            .filter(|select| select.message == message.id && select.depth == depth);
        let selected = |index: usize| select.is_none_or(|select| select.fields[index]);
        let mut next = 0;
        let mut oneofs = 0u64;
        while !wire.is_empty() {
            let tag = wire::tag(&mut wire)?;
            let index = match message.by_number(tag >> 3, next) {
                Some(index) if message.fields[index].accepts(tag & 7) => index,
                _ => {
                    wire::skip(&mut wire, tag, depth)?;
                    continue;
                }
            };
            let field = &message.fields[index];
            if index < next || !first_of(&mut oneofs, field) {
                return Err(Stop::Slow);
            }
            if next < index && self.dialect == Dialect::Api {
                self.absent(&message.fields, next..index, selected, &mut marks);
            }
            next = index + 1;
            if selected(index) {
                let key = self.out.len();
                self.key(field);
                let value = self.out.len();
                self.field(field, tag, &mut wire, depth, key)?;
                if let Some(marks) = &mut marks {
                    marks.push(Mark {
                        field: index,
                        key,
                        value,
                        end: self.out.len(),
                    });
                }
            } else {
                skip_run(field, tag, &mut wire, depth)?;
            }
        }
        if self.dialect == Dialect::Api {
            self.absent(
                &message.fields,
                next..message.fields.len(),
                selected,
                &mut marks,
            );
        }
        Ok(())
    }

    fn absent(
        &mut self,
        fields: &[Field],
        range: std::ops::Range<usize>,
        selected: impl Fn(usize) -> bool,
        marks: &mut Option<&mut Vec<Mark>>,
    ) {
        for index in range.filter(|&index| selected(index)) {
            let key = self.out.len();
            self.key(&fields[index]);
            let value = self.out.len();
            self.out.extend_from_slice(fields[index].absent.as_bytes());
            if let Some(marks) = marks {
                marks.push(Mark {
                    field: index,
                    key,
                    value,
                    end: self.out.len(),
                });
            }
        }
    }

    #[inline(always)]
    fn key(&mut self, field: &Field) {
        let key = field.key.as_bytes();
        let first = usize::from(self.out.last() == Some(&b'{'));
        self.out.extend_from_slice(&key[first..]);
    }

    // `start` is where the key began; the standard dialect takes defaults back.
    fn field(
        &mut self,
        field: &'s Field,
        tag: u32,
        wire: &mut &[u8],
        depth: usize,
        start: usize,
    ) -> Result<(), Stop> {
        let before = *wire;
        let filled = match field.shape {
            Shape::Singular => {
                self.value(field, wire, depth)?;
                self.dialect == Dialect::Api
                    || field.presence
                    || !is_default(tag & 7, &before[..before.len() - wire.len()])
            }
            Shape::Repeated { .. } => self.list(field, tag, wire, depth)?,
            Shape::Map { key } => self.map(field, key, wire, depth)?,
        };
        if !filled && self.dialect == Dialect::Standard {
            self.out.truncate(start);
        }
        Ok(())
    }

    // Prints the run of values that begins here and tells whether there was one.
    fn list(
        &mut self,
        field: &'s Field,
        mut tag: u32,
        wire: &mut &[u8],
        depth: usize,
    ) -> Result<bool, Stop> {
        self.out.push(b'[');
        let start = self.out.len();
        loop {
            if tag & 7 == wire::CHUNK && field.kind.packable() {
                let mut packed = wire::chunk(wire)?;
                while !packed.is_empty() {
                    self.comma(start);
                    self.value(field, &mut packed, depth)?;
                }
            } else {
                self.comma(start);
                self.value(field, wire, depth)?;
            }
            match same_field(field, wire)? {
                Some(following) => tag = following,
                None => break,
            }
        }
        let filled = self.out.len() > start;
        self.out.push(b']');
        Ok(filled)
    }

    fn comma(&mut self, start: usize) {
        if self.out.len() > start {
            self.out.push(b',');
        }
    }

    #[inline(always)]
    fn value(&mut self, field: &'s Field, wire: &mut &[u8], depth: usize) -> Result<(), Stop> {
        match field.kind {
            Kind::Message(id) => {
                let inner = wire::chunk(wire)?;
                self.nested(self.schema.at(id), inner, depth + 1)
            }
            _ => self.scalar(field, wire),
        }
    }
}

// Takes the tag of a further value of the same field, if one follows at once.
fn same_field(field: &Field, wire: &mut &[u8]) -> wire::Result<Option<u32>> {
    if wire.is_empty() {
        return Ok(None);
    }
    let mut ahead = *wire;
    let tag = wire::tag(&mut ahead)?;
    if tag >> 3 != field.number || !field.accepts(tag & 7) {
        return Ok(None);
    }
    *wire = ahead;
    Ok(Some(tag))
}

fn skip_run(field: &Field, tag: u32, wire: &mut &[u8], depth: usize) -> wire::Result<()> {
    wire::skip(wire, tag, depth)?;
    if field.shape != Shape::Singular {
        while let Some(tag) = same_field(field, wire)? {
            wire::skip(wire, tag, depth)?;
        }
    }
    Ok(())
}

// Whether the field is the first of its oneof. Oneofs beyond the 64th of a
// message are not tracked and always take the slow path's word for it.
fn first_of(seen: &mut u64, field: &Field) -> bool {
    let Some(oneof) = field.oneof else {
        return true;
    };
    let bit = 1u64.checked_shl(u32::from(oneof)).unwrap_or(0);
    let first = *seen & bit == 0;
    *seen |= bit;
    first
}

fn is_default(wire_type: u32, value: &[u8]) -> bool {
    match wire_type {
        wire::FIXED32 | wire::FIXED64 => value.iter().all(|&byte| byte == 0),
        _ => value.iter().all(|&byte| byte & 0x7f == 0),
    }
}

fn failed(stop: Stop) -> Error {
    match stop {
        Stop::Slow => Error::Wire("a message repeats its fields"),
        Stop::Fail(error) => *error,
    }
}
