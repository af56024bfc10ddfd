//! Values that come as texts: JSON strings, query parameters and path captures.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::value::Slot;
use super::{Outcome, Reader};
use crate::json::Dialect;
use crate::schema::{Field, Kind, Special, Spelling};
use crate::wire;

const LOOSE: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LOOSE);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LOOSE);

impl<'s> Reader<'s> {
    /// Writes a JSON string into a field that is no message.
    pub(super) fn string(&mut self, slot: Slot<'s>, text: &str) -> Outcome {
        match slot.field.kind {
            Kind::String => self.plain_text(slot, text),
            Kind::Bytes => self.base64(slot, text),
            Kind::Enum(id) => self.word(slot, id, text),
            Kind::Bool | Kind::Message(_) => self.unexpected(slot.field),
            // TR-2: the API reads 64-bit integers in both forms, other numbers as numbers only.
            _ if self.dialect == Dialect::Standard || is_wide(slot.field.kind) => {
                self.number_text(slot, text)
            }
            _ => self.unexpected(slot.field),
        }
    }

    /// Writes a JSON string into a field of texts.
    #[inline(always)]
    pub(super) fn plain_text(&mut self, slot: Slot<'s>, text: &str) -> Outcome {
        if !text.is_empty() || slot.keep {
            self.tag(slot.tag);
            wire::put_chunk(&mut self.out, text.as_bytes());
        }
        Outcome::Written
    }

    fn unexpected(&mut self, field: &Field) -> Outcome {
        let message = self.expected(field);
        self.note(message)
    }

    /// Writes a value that is a text on the outside whatever it is inside:
    /// a query parameter or a path capture (TR-15).
    pub(crate) fn parameter(&mut self, slot: Slot<'s>, text: &str) -> Outcome {
        match slot.field.kind {
            Kind::Bool => match text {
                "true" | "false" => {
                    self.boolean(slot, text == "true");
                    Outcome::Written
                }
                _ => self.unexpected(slot.field),
            },
            Kind::String if slot.field.json => match serde_json::from_str(text) {
                Ok(raw) => self.free_parameter(slot, raw),
                Err(_) => self.note("must be JSON"),
            },
            Kind::String | Kind::Bytes | Kind::Enum(_) => self.string(slot, text),
            Kind::Message(id) => {
                let message = self.schema.at(id);
                if message.special != Special::Wrapper {
                    return self.text_message(slot, message, text);
                }
                let before = self.out.len();
                self.tag(slot.tag);
                let start = wire::open(&mut self.out);
                let outcome = self.parameter(Slot::of(&message.fields[0]), text);
                if outcome == Outcome::Written {
                    wire::close(&mut self.out, start);
                } else {
                    self.out.truncate(before);
                }
                outcome
            }
            _ => self.number_text(slot, text),
        }
    }

    fn free_parameter(&mut self, slot: Slot<'s>, raw: &serde_json::value::RawValue) -> Outcome {
        match self.free::<serde_json::Error>(slot, raw) {
            Ok(outcome) => outcome,
            Err(_) => {
                let why = self
                    .fatal
                    .take()
                    .unwrap_or_else(|| "must be JSON".to_owned());
                self.trail.clear();
                self.depth = 0;
                self.note(why)
            }
        }
    }

    fn word(&mut self, slot: Slot<'s>, id: u32, text: &str) -> Outcome {
        let each = &self.schema.enums[id as usize];
        let spelling = match self.dialect {
            Dialect::Standard => Spelling::Names,
            Dialect::Api => Spelling::Words,
        };
        let Some(number) = each.number(text, spelling) else {
            return if self.lenient {
                Outcome::Dropped
            } else {
                self.unexpected(slot.field)
            };
        };
        if number != 0 || slot.keep {
            self.tag(slot.tag);
            wire::put_varint(&mut self.out, i64::from(number) as u64);
        }
        Outcome::Written
    }

    fn base64(&mut self, slot: Slot<'s>, text: &str) -> Outcome {
        let before = self.out.len();
        self.tag(slot.tag);
        let start = wire::open(&mut self.out);
        let url_safe = text.bytes().any(|byte| matches!(byte, b'-' | b'_'));
        let engine = if url_safe { &URL_SAFE } else { &STANDARD };
        if engine.decode_vec(text, &mut self.out).is_err() {
            self.out.truncate(before);
            return self.unexpected(slot.field);
        }
        if self.out.len() == start && !slot.keep {
            self.out.truncate(before);
        } else {
            wire::close(&mut self.out, start);
        }
        Outcome::Written
    }
}

fn is_wide(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Int64 | Kind::Uint64 | Kind::Sint64 | Kind::Fixed64 | Kind::Sfixed64
    )
}
