//! Maps: runs of key and value entries.

use std::collections::HashSet;
use std::ops::Range;

use super::{Stop, Writer, same_field};
use crate::json::escape;
use crate::schema::{Field, Kind};
use crate::wire;

/// Up to here keys are compared one by one; above, by a set.
const FEW: usize = 16;

/// Eight zero bytes: the default of every kind when read as a value.
const ZEROS: [u8; 8] = [0; 8];

/// Where the keys printed so far stand, to notice one that comes twice.
#[derive(Default)]
struct Keys {
    few: [(usize, usize); FEW],
    count: usize,
    many: Option<HashSet<Box<[u8]>>>,
}

impl Keys {
    fn is_new(&mut self, out: &[u8], key: Range<usize>) -> bool {
        let text = &out[key.clone()];
        if let Some(many) = &mut self.many {
            return many.insert(text.into());
        }
        if self.few[..self.count]
            .iter()
            .any(|&(from, to)| &out[from..to] == text)
        {
            return false;
        }
        if self.count < FEW {
            self.few[self.count] = (key.start, key.end);
            self.count += 1;
        } else {
            let known = self.few.iter().map(|&(from, to)| out[from..to].into());
            self.many = Some(known.chain([text.into()]).collect());
        }
        true
    }
}

impl<'s> Writer<'s> {
    /// Prints the run of entries that begins here and tells whether there was one.
    pub(super) fn map(
        &mut self,
        field: &'s Field,
        key: Kind,
        wire: &mut &[u8],
        depth: usize,
    ) -> Result<bool, Stop> {
        self.out.push(b'{');
        let start = self.out.len();
        let mut keys = Keys::default();
        loop {
            let (key_wire, value_wire) = entry(wire::chunk(wire)?, key, field.kind)?;
            self.comma(start);
            let from = self.out.len();
            self.map_key(key, &mut key_wire.unwrap_or(&ZEROS))?;
            if !keys.is_new(&self.out, from..self.out.len()) {
                return Err(Stop::Slow);
            }
            self.out.push(b':');
            self.value(field, &mut value_wire.unwrap_or(&ZEROS), depth)?;
            if same_field(field, wire)?.is_none() {
                break;
            }
        }
        self.out.push(b'}');
        Ok(true)
    }

    fn map_key(&mut self, kind: Kind, wire: &mut &[u8]) -> Result<(), Stop> {
        if kind == Kind::String {
            escape::string(&mut self.out, wire::text(wire)?);
            return Ok(());
        }
        self.out.push(b'"');
        let mut buffer = itoa::Buffer::new();
        let text = match kind {
            Kind::Bool => {
                if wire::varint(wire)? == 0 {
                    "false"
                } else {
                    "true"
                }
            }
            Kind::Int32 => buffer.format(wire::varint(wire)? as i32),
            Kind::Uint32 => buffer.format(wire::varint(wire)? as u32),
            Kind::Sint32 => buffer.format(super::scalar::short_zigzag(wire)?),
            Kind::Fixed32 => buffer.format(wire::fixed32(wire)?),
            Kind::Sfixed32 => buffer.format(wire::fixed32(wire)? as i32),
            Kind::Int64 => buffer.format(wire::varint(wire)? as i64),
            Kind::Sint64 => buffer.format(wire::unzigzag(wire::varint(wire)?)),
            Kind::Sfixed64 => buffer.format(wire::fixed64(wire)? as i64),
            Kind::Uint64 => buffer.format(wire::varint(wire)?),
            Kind::Fixed64 => buffer.format(wire::fixed64(wire)?),
            _ => return Err("a map key of an impossible kind".into()),
        };
        self.out.extend_from_slice(text.as_bytes());
        self.out.push(b'"');
        Ok(())
    }
}

type Entry<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

// Where the key and the value of an entry begin. An entry that has either twice is slow.
fn entry(mut wire: &[u8], key: Kind, value: Kind) -> Result<Entry<'_>, Stop> {
    let mut found = [None, None];
    while !wire.is_empty() {
        let tag = wire::tag(&mut wire)?;
        let slot = match tag {
            _ if tag == 1 << 3 | key.wire_type() => Some(0),
            _ if tag == 2 << 3 | value.wire_type() => Some(1),
            _ => None,
        };
        if let Some(slot) = slot
            && found[slot].replace(wire).is_some()
        {
            return Err(Stop::Slow);
        }
        wire::skip(&mut wire, tag, 0)?;
    }
    Ok((found[0], found[1]))
}
