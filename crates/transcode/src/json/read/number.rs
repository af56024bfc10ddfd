//! Numbers and booleans, from JSON numbers and from texts.

use super::value::Slot;
use super::{Outcome, Reader};
use crate::json::Dialect;
use crate::schema::{Field, Kind};
use crate::wire;

/// 2^64: whole numbers at least this large fit no integer kind.
const BEYOND: f64 = 18_446_744_073_709_551_616.0;

impl<'s> Reader<'s> {
    /// What a field takes, for violations.
    pub(super) fn expected(&self, field: &Field) -> String {
        let what = match field.kind {
            Kind::Double | Kind::Float => "a number",
            Kind::Bool => "true or false",
            Kind::String => "a text",
            Kind::Bytes => "a base64 text",
            Kind::Enum(id) => {
                return format!(
                    "must be one of {}",
                    self.schema.enums[id as usize].allowed()
                );
            }
            Kind::Message(id) => return self.expected_message(id),
            _ => "an integer",
        };
        format!("must be {what}")
    }

    /// Writes a boolean.
    pub(super) fn boolean(&mut self, slot: Slot<'s>, value: bool) {
        if value || slot.keep {
            self.tag(slot.tag);
            self.out.push(u8::from(value));
        }
    }

    /// Writes an integer of at least zero, as JSON without a sign has it: kinds that hold 31 bits take the short way.
    #[inline(always)]
    pub(super) fn counted(&mut self, slot: Slot<'s>, value: u64) -> Outcome {
        let small = value <= i32::MAX as u64;
        match slot.field.kind {
            Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 if small => {
                if value != 0 || slot.keep {
                    self.tag(slot.tag);
                    wire::put_varint(&mut self.out, value);
                }
                Outcome::Written
            }
            _ => self.integer(slot, i128::from(value)),
        }
    }

    /// Writes an integer into a field of any number kind.
    pub(super) fn integer(&mut self, slot: Slot<'s>, value: i128) -> Outcome {
        let (least, greatest) = match slot.field.kind {
            Kind::Double | Kind::Float => return self.decimal(slot, value as f64),
            Kind::Enum(_) if self.dialect == Dialect::Api => return self.unfit(slot.field),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 | Kind::Enum(_) => {
                (i128::from(i32::MIN), i128::from(i32::MAX))
            }
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
                (i128::from(i64::MIN), i128::from(i64::MAX))
            }
            Kind::Uint32 | Kind::Fixed32 => (0, i128::from(u32::MAX)),
            Kind::Uint64 | Kind::Fixed64 => (0, i128::from(u64::MAX)),
            _ => return self.unfit(slot.field),
        };
        if !(least..=greatest).contains(&value) {
            return self.note(format!("must be an integer from {least} to {greatest}"));
        }
        if value == 0 && !slot.keep {
            return Outcome::Written;
        }
        self.tag(slot.tag);
        let out = &mut self.out;
        match slot.field.kind {
            Kind::Sint32 | Kind::Sint64 => wire::put_varint(out, wire::zigzag(value as i64)),
            Kind::Fixed32 | Kind::Sfixed32 => {
                out.extend_from_slice(&(value as i64 as u32).to_le_bytes())
            }
            Kind::Fixed64 | Kind::Sfixed64 => out.extend_from_slice(&(value as u64).to_le_bytes()),
            _ => wire::put_varint(out, value as u64),
        }
        Outcome::Written
    }

    fn unfit(&mut self, field: &Field) -> Outcome {
        let message = self.expected(field);
        self.note(message)
    }

    /// Writes a number with a fraction or exponent; whole ones fit integers too.
    pub(super) fn decimal(&mut self, slot: Slot<'s>, value: f64) -> Outcome {
        match slot.field.kind {
            Kind::Double => {
                if value.to_bits() != 0 || slot.keep {
                    self.tag(slot.tag);
                    self.out.extend_from_slice(&value.to_le_bytes());
                }
                Outcome::Written
            }
            Kind::Float => {
                if value.is_finite() && !(value as f32).is_finite() {
                    return self.note("is out of range");
                }
                let value = value as f32;
                if value.to_bits() != 0 || slot.keep {
                    self.tag(slot.tag);
                    self.out.extend_from_slice(&value.to_le_bytes());
                }
                Outcome::Written
            }
            Kind::Bool | Kind::String | Kind::Bytes | Kind::Message(_) => self.unfit(slot.field),
            _ if value.fract() == 0.0 && value.abs() < BEYOND => self.integer(slot, value as i128),
            _ => self.unfit(slot.field),
        }
    }

    /// Writes a number that came as text.
    pub(super) fn number_text(&mut self, slot: Slot<'s>, text: &str) -> Outcome {
        let plain = text.strip_prefix('-').unwrap_or(text);
        if !plain.is_empty() && plain.len() <= 20 && plain.bytes().all(|byte| byte.is_ascii_digit())
        {
            return match text.parse::<i128>() {
                Ok(value) => self.integer(slot, value),
                Err(_) => self.unfit(slot.field),
            };
        }
        if matches!(slot.field.kind, Kind::Double | Kind::Float)
            && self.dialect == Dialect::Standard
        {
            match text {
                "NaN" => return self.decimal(slot, f64::NAN),
                "Infinity" => return self.decimal(slot, f64::INFINITY),
                "-Infinity" => return self.decimal(slot, f64::NEG_INFINITY),
                _ => {}
            }
        }
        // The grammar of JSON numbers: no plus, no bare point, no words, no space around.
        let bare = text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E'));
        match serde_json::from_str::<f64>(text) {
            Ok(value) if bare => self.decimal(slot, value),
            _ => self.unfit(slot.field),
        }
    }

    /// Writes a map key and tells whether it is one.
    pub(super) fn map_key(&mut self, kind: Kind, text: &str) -> bool {
        let out = &mut self.out;
        wire::put_varint(out, u64::from(1 << 3 | kind.wire_type()));
        macro_rules! parsed {
            ($type:ty, $put:expr) => {{
                let Some(value) = key::<$type>(text) else {
                    return false;
                };
                #[allow(
                    clippy::redundant_closure_call,
                    reason = "each kind writes its own way"
                )]
                $put(out, value)
            }};
        }
        match kind {
            Kind::String => wire::put_chunk(out, text.as_bytes()),
            Kind::Bool if matches!(text, "true" | "false") => out.push(u8::from(text == "true")),
            Kind::Int32 => parsed!(i32, |out, value| wire::put_varint(
                out,
                i64::from(value) as u64
            )),
            Kind::Int64 => parsed!(i64, |out, value| wire::put_varint(out, value as u64)),
            Kind::Uint32 => parsed!(u32, |out, value: u32| wire::put_varint(
                out,
                u64::from(value)
            )),
            Kind::Uint64 => parsed!(u64, wire::put_varint),
            Kind::Sint32 => parsed!(i32, |out, value| wire::put_varint(
                out,
                wire::zigzag(i64::from(value))
            )),
            Kind::Sint64 => parsed!(i64, |out, value| wire::put_varint(out, wire::zigzag(value))),
            Kind::Fixed32 => parsed!(u32, |out: &mut Vec<u8>, value: u32| out
                .extend_from_slice(&value.to_le_bytes())),
            Kind::Sfixed32 => parsed!(i32, |out: &mut Vec<u8>, value: i32| out
                .extend_from_slice(&value.to_le_bytes())),
            Kind::Fixed64 => parsed!(u64, |out: &mut Vec<u8>, value: u64| out
                .extend_from_slice(&value.to_le_bytes())),
            Kind::Sfixed64 => parsed!(i64, |out: &mut Vec<u8>, value: i64| out
                .extend_from_slice(&value.to_le_bytes())),
            _ => return false,
        }
        true
    }
}

// Integers as keys are plain decimal digits.
fn key<T: std::str::FromStr>(text: &str) -> Option<T> {
    if text.starts_with('+') {
        None
    } else {
        text.parse().ok()
    }
}
