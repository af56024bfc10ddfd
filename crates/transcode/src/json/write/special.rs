//! The messages ProtoJSON writes in a form of their own.

use super::{Stop, Writer};
use crate::error::Error;
use crate::json::{Dialect, escape, mask, time};
use crate::schema::{Message, Shape, Special};
use crate::wire;

/// Field numbers of `google.protobuf.Value`.
const NUMBER: u32 = 2;
const TEXT: u32 = 3;
const BOOL: u32 = 4;
const STRUCT: u32 = 5;
const LIST: u32 = 6;

impl<'s> Writer<'s> {
    pub(super) fn special(
        &mut self,
        message: &'s Message,
        wire: &[u8],
        depth: usize,
    ) -> Result<(), Stop> {
        match message.special {
            Special::None => self.walk(message, wire, depth, None),
            Special::Any => self.any(wire, depth),
            Special::Timestamp => self.timestamp(wire),
            Special::Duration => self.duration(wire),
            Special::FieldMask => self.field_mask(wire),
            Special::Struct | Special::List => self.only_field(message, wire, depth),
            Special::Value => self.dynamic(message, wire, depth),
            Special::Wrapper => self.wrapper(message, wire),
        }
    }

    fn timestamp(&mut self, wire: &[u8]) -> Result<(), Stop> {
        let (seconds, nanos) = seconds_and_nanos(wire)?;
        let fraction = match self.dialect {
            Dialect::Api => time::Fraction::Millis,
            Dialect::Standard => time::Fraction::Needed,
        };
        self.out.push(b'"');
        if !time::put_timestamp(&mut self.out, seconds, nanos, fraction) {
            return unprintable("a timestamp out of range");
        }
        self.out.push(b'"');
        Ok(())
    }

    fn duration(&mut self, wire: &[u8]) -> Result<(), Stop> {
        let (seconds, nanos) = seconds_and_nanos(wire)?;
        self.out.push(b'"');
        if !time::put_duration(&mut self.out, seconds, nanos) {
            return unprintable("a duration out of range");
        }
        self.out.push(b'"');
        Ok(())
    }

    fn field_mask(&mut self, mut wire: &[u8]) -> Result<(), Stop> {
        let mut text = String::new();
        while !wire.is_empty() {
            let tag = wire::tag(&mut wire)?;
            if tag != 1 << 3 | wire::CHUNK {
                wire::skip(&mut wire, tag, 0)?;
                continue;
            }
            if !text.is_empty() {
                text.push(',');
            }
            if !mask::camel(&mut text, wire::text(&mut wire)?) {
                return unprintable("a field mask path that is not snake_case");
            }
        }
        escape::string(&mut self.out, &text);
        Ok(())
    }

    // Struct and ListValue are their only field.
    fn only_field(
        &mut self,
        message: &'s Message,
        mut wire: &[u8],
        depth: usize,
    ) -> Result<(), Stop> {
        let field = &message.fields[0];
        let mut printed = false;
        while !wire.is_empty() {
            let tag = wire::tag(&mut wire)?;
            if tag != field.chunk_tag() {
                wire::skip(&mut wire, tag, depth)?;
                continue;
            }
            if printed {
                return Err(Stop::Slow);
            }
            printed = true;
            match field.shape {
                Shape::Map { key } => self.map(field, key, &mut wire, depth)?,
                _ => self.list(field, tag, &mut wire, depth)?,
            };
        }
        if !printed {
            self.out
                .extend_from_slice(if message.special == Special::Struct {
                    b"{}"
                } else {
                    b"[]"
                });
        }
        Ok(())
    }

    fn dynamic(&mut self, message: &'s Message, mut wire: &[u8], depth: usize) -> Result<(), Stop> {
        let start = self.out.len();
        while !wire.is_empty() {
            let tag = wire::tag(&mut wire)?;
            let field = message
                .by_number(tag >> 3, 0)
                .map(|index| &message.fields[index]);
            let Some(field) = field.filter(|field| field.kind.wire_type() == tag & 7) else {
                wire::skip(&mut wire, tag, depth)?;
                continue;
            };
            if self.out.len() > start {
                return Err(Stop::Slow);
            }
            match field.number {
                NUMBER => {
                    let number = f64::from_bits(wire::fixed64(&mut wire)?);
                    if !number.is_finite() {
                        return unprintable("a number that is not finite");
                    }
                    self.double(number);
                }
                TEXT => escape::string(&mut self.out, wire::text(&mut wire)?),
                BOOL => {
                    let value = wire::varint(&mut wire)? != 0;
                    self.boolean(value);
                }
                STRUCT | LIST => self.value(field, &mut wire, depth)?,
                _ => {
                    wire::varint(&mut wire)?;
                    self.out.extend_from_slice(b"null");
                }
            }
        }
        if self.out.len() == start {
            self.out.extend_from_slice(b"null");
        }
        Ok(())
    }

    fn wrapper(&mut self, message: &'s Message, mut wire: &[u8]) -> Result<(), Stop> {
        let field = &message.fields[0];
        let start = self.out.len();
        while !wire.is_empty() {
            let tag = wire::tag(&mut wire)?;
            if tag == field.tag {
                self.out.truncate(start);
                self.scalar(field, &mut wire)?;
            } else {
                wire::skip(&mut wire, tag, 0)?;
            }
        }
        if self.out.len() == start {
            self.scalar(field, &mut [0u8; 8].as_slice())?;
        }
        Ok(())
    }

    fn any(&mut self, mut wire: &[u8], depth: usize) -> Result<(), Stop> {
        let (mut url, mut value) = ("", &[][..]);
        while !wire.is_empty() {
            match wire::tag(&mut wire)? {
                0x0a => url = wire::text(&mut wire)?,
                0x12 => value = wire::chunk(&mut wire)?,
                other => wire::skip(&mut wire, other, 0)?,
            }
        }
        if url.is_empty() {
            if !value.is_empty() {
                return unprintable("an Any without a type");
            }
            self.out.extend_from_slice(b"{}");
            return Ok(());
        }
        let name = url.rsplit('/').next().unwrap_or_default();
        let Some(inner) = self.schema.find(name).filter(|_| url.contains('/')) else {
            return unprintable("an Any of an unknown type");
        };
        if depth + 1 >= wire::DEPTH {
            return Err("nested too deeply".into());
        }
        self.out.extend_from_slice(b"{\"@type\":");
        escape::string(&mut self.out, url);
        if inner.special == Special::None {
            let start = self.out.len();
            match self.fields(inner, value, depth + 1, None) {
                Err(Stop::Slow) => {
                    self.out.truncate(start);
                    let again = self.reordered(inner, value)?;
                    self.fields(inner, &again, depth + 1, None)?;
                }
                done => done?,
            }
        } else {
            self.out.extend_from_slice(b",\"value\":");
            self.nested(inner, value, depth + 1)?;
        }
        self.out.push(b'}');
        Ok(())
    }
}

fn seconds_and_nanos(mut wire: &[u8]) -> wire::Result<(i64, i32)> {
    let (mut seconds, mut nanos) = (0, 0);
    while !wire.is_empty() {
        match wire::tag(&mut wire)? {
            0x08 => seconds = wire::varint(&mut wire)? as i64,
            0x10 => nanos = wire::varint(&mut wire)? as i32,
            other => wire::skip(&mut wire, other, 0)?,
        }
    }
    Ok((seconds, nanos))
}

fn unprintable(what: &str) -> Result<(), Stop> {
    Err(Error::Unprintable(what.to_owned()).into())
}
