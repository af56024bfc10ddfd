//! Single values that are not messages.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::IgnoredAny;

use super::{Stop, Writer};
use crate::error::Error;
use crate::json::{Dialect, escape};
use crate::schema::{Field, Kind};
use crate::wire;

/// The largest integer every JSON reader keeps exactly (TR-2).
const SAFE: u64 = (1 << 53) - 1;

impl Writer<'_> {
    pub(super) fn scalar(&mut self, field: &Field, wire: &mut &[u8]) -> Result<(), Stop> {
        match field.kind {
            Kind::Int32 => self.small(wire::varint(wire)? as i32),
            Kind::Uint32 => self.small(wire::varint(wire)? as u32),
            Kind::Sint32 => self.small(short_zigzag(wire)?),
            Kind::Fixed32 => self.small(wire::fixed32(wire)?),
            Kind::Sfixed32 => self.small(wire::fixed32(wire)? as i32),
            Kind::Int64 => self.signed(wire::varint(wire)? as i64),
            Kind::Sint64 => self.signed(wire::unzigzag(wire::varint(wire)?)),
            Kind::Sfixed64 => self.signed(wire::fixed64(wire)? as i64),
            Kind::Uint64 => self.unsigned(wire::varint(wire)?),
            Kind::Fixed64 => self.unsigned(wire::fixed64(wire)?),
            Kind::Bool => self.boolean(wire::varint(wire)? != 0),
            Kind::Float => self.float(f32::from_bits(wire::fixed32(wire)?)),
            Kind::Double => self.double(f64::from_bits(wire::fixed64(wire)?)),
            Kind::Enum(id) => self.choice(id, wire::varint(wire)? as i32),
            Kind::Bytes => self.bytes(wire::chunk(wire)?),
            Kind::String if field.json && self.dialect == Dialect::Api => {
                self.raw(field, wire::text(wire)?)?
            }
            Kind::String => {
                if !escape::bytes(&mut self.out, wire::chunk(wire)?) {
                    return Err("a string is not UTF-8".into());
                }
            }
            Kind::Message(_) => return Err("a message where a scalar belongs".into()),
        }
        Ok(())
    }

    fn small(&mut self, value: impl itoa::Integer) {
        self.out
            .extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    fn signed(&mut self, value: i64) {
        self.wide(value, value.unsigned_abs());
    }

    fn unsigned(&mut self, value: u64) {
        self.wide(value, value);
    }

    fn wide(&mut self, value: impl itoa::Integer, magnitude: u64) {
        if self.dialect == Dialect::Api && magnitude <= SAFE {
            return self.small(value);
        }
        self.out.push(b'"');
        self.small(value);
        self.out.push(b'"');
    }

    pub(super) fn boolean(&mut self, value: bool) {
        self.out
            .extend_from_slice(if value { b"true" } else { b"false" });
    }

    fn float(&mut self, value: f32) {
        if value.is_finite() {
            self.finite(value);
        } else {
            self.double(f64::from(value));
        }
    }

    pub(super) fn double(&mut self, value: f64) {
        if value.is_finite() {
            return self.finite(value);
        }
        let text: &[u8] = match self.dialect {
            Dialect::Api => b"null",
            Dialect::Standard if value.is_nan() => b"\"NaN\"",
            Dialect::Standard if value > 0.0 => b"\"Infinity\"",
            Dialect::Standard => b"\"-Infinity\"",
        };
        self.out.extend_from_slice(text);
    }

    fn finite(&mut self, value: impl serde::Serialize) {
        // Writing a finite number to memory cannot fail.
        serde_json::to_writer(&mut self.out, &value).ok();
    }

    fn choice(&mut self, id: u32, number: i32) {
        let each = &self.schema.enums[id as usize];
        let text = match self.dialect {
            Dialect::Api => Some(each.printed_word(number).unwrap_or("null")),
            Dialect::Standard if each.null => Some("null"),
            Dialect::Standard => each.printed_name(number),
        };
        match text {
            Some(text) => self.out.extend_from_slice(text.as_bytes()),
            None => self.small(number),
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.out.push(b'"');
        let start = self.out.len();
        self.out.resize(start + bytes.len().div_ceil(3) * 4, b'=');
        // The room was made to measure.
        STANDARD.encode_slice(bytes, &mut self.out[start..]).ok();
        self.out.push(b'"');
    }

    // TR-4: verbatim. The text is checked, so that one bad row cannot break the envelope around it.
    fn raw(&mut self, field: &Field, text: &str) -> Result<(), Stop> {
        if text.is_empty() {
            self.out
                .extend_from_slice(if field.json_object { b"{}" } else { b"null" });
            return Ok(());
        }
        if serde_json::from_str::<IgnoredAny>(text).is_err() {
            let what = format!("`{}` holds malformed JSON", field.proto_name);
            return Err(Error::Unprintable(what).into());
        }
        self.out.extend_from_slice(text.trim().as_bytes());
        Ok(())
    }
}

/// Reads a sint32; of a longer varint the low 32 bits count.
pub(super) fn short_zigzag(wire: &mut &[u8]) -> wire::Result<i32> {
    Ok(wire::unzigzag(u64::from(wire::varint(wire)? as u32)) as i32)
}
