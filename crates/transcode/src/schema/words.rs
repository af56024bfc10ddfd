//! Enums as texts: names for standard ProtoJSON, `lower_snake` words for the API (TR-3).

use prost_reflect::{DescriptorPool, EnumDescriptor};

use super::compile::{option_of, text, texts};

/// Our enum value option; see `smilefactory/api/v1/options.proto`.
const WORD_OPTION: &str = "smilefactory.api.v1.word";

/// Longest word that is looked up.
const LONGEST: usize = 96;

/// An enum, ready to be printed and looked up.
#[derive(Debug)]
pub(crate) struct Enum {
    /// Whether it is `google.protobuf.NullValue`.
    pub(crate) null: bool,
    // By number; of several names for one number the first declared counts.
    values: Vec<Printed>,
    // Exact names, sorted.
    names: Vec<(Box<str>, i32)>,
    // Folded words and aliases, sorted.
    words: Vec<(Box<str>, i32)>,
    // The canonical words in declared order.
    allowed: Vec<Box<str>>,
}

/// One value's texts, quotes included.
#[derive(Debug)]
struct Printed {
    number: i32,
    name: Box<str>,
    word: Option<Box<str>>,
}

/// Which texts stand for the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// The names of the proto file.
    Names,
    /// The API's words.
    Words,
}

impl Enum {
    /// Compiles a descriptor.
    pub(super) fn new(pool: &DescriptorPool, descriptor: &EnumDescriptor) -> Self {
        let prefix = prefix(descriptor.name());
        let mut made = Self {
            null: descriptor.full_name() == "google.protobuf.NullValue",
            values: Vec::new(),
            names: Vec::new(),
            words: Vec::new(),
            allowed: Vec::new(),
        };
        for value in descriptor.values() {
            let option = option_of(pool, WORD_OPTION, &value.options());
            let plain = value
                .name()
                .strip_prefix(&prefix)
                .unwrap_or(value.name())
                .to_lowercase();
            let unspecified = value.number() == 0 && plain == "unspecified";
            let word = text(option.as_ref(), "word").or((!unspecified).then_some(plain));
            if let Some(word) = &word {
                made.words.push((folded(word).into(), value.number()));
                made.allowed.push(word.as_str().into());
            }
            for alias in texts(option.as_ref(), "aliases") {
                made.words.push((folded(&alias).into(), value.number()));
            }
            made.names.push((value.name().into(), value.number()));
            if made
                .values
                .iter()
                .all(|known| known.number != value.number())
            {
                let quoted = |text: &str| format!("\"{text}\"").into_boxed_str();
                let word = word.as_deref().map(quoted);
                made.values.push(Printed {
                    number: value.number(),
                    name: quoted(value.name()),
                    word,
                });
            }
        }
        made.values.sort_by_key(|value| value.number);
        made.names.sort();
        made.words.sort();
        made
    }

    /// The quoted name of a number.
    pub(crate) fn printed_name(&self, number: i32) -> Option<&str> {
        self.printed(number).map(|value| &*value.name)
    }

    /// The quoted word of a number; none for `UNSPECIFIED`.
    pub(crate) fn printed_word(&self, number: i32) -> Option<&str> {
        self.printed(number)?.word.as_deref()
    }

    fn printed(&self, number: i32) -> Option<&Printed> {
        let guess = usize::try_from(number)
            .ok()
            .and_then(|index| self.values.get(index));
        match guess {
            Some(value) if value.number == number => Some(value),
            _ => self
                .values
                .binary_search_by_key(&number, |value| value.number)
                .ok()
                .map(|at| &self.values[at]),
        }
    }

    /// The number a text stands for.
    pub(crate) fn number(&self, text: &str, spelling: Spelling) -> Option<i32> {
        let known = match spelling {
            Spelling::Names => return find(&self.names, text),
            Spelling::Words => &self.words,
        };
        // As documented, and as nearly everybody writes them.
        if let Some(number) = find(known, text) {
            return Some(number);
        }
        let mut buffer = [0u8; LONGEST];
        let folded = buffer.get_mut(..text.len())?;
        for (to, from) in folded.iter_mut().zip(text.bytes()) {
            *to = if from == b'-' {
                b'_'
            } else {
                from.to_ascii_lowercase()
            };
        }
        find(known, std::str::from_utf8(folded).ok()?)
    }

    /// The words a client may send.
    pub(crate) fn allowed(&self) -> String {
        self.allowed.join(", ")
    }
}

fn find(sorted: &[(Box<str>, i32)], text: &str) -> Option<i32> {
    sorted
        .binary_search_by(|(known, _)| (**known).cmp(text))
        .ok()
        .map(|at| sorted[at].1)
}

/// The form in which words are compared: lower case, `-` as `_`.
pub(crate) fn folded(word: &str) -> String {
    word.to_ascii_lowercase().replace('-', "_")
}

// `PostType` → `POST_TYPE_`.
fn prefix(name: &str) -> String {
    let mut prefix = String::with_capacity(name.len() + 4);
    let mut lower = false;
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && lower {
            prefix.push('_');
        }
        lower = !letter.is_ascii_uppercase();
        prefix.push(letter.to_ascii_uppercase());
    }
    prefix.push('_');
    prefix
}
