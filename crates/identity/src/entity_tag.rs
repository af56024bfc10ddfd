//! Lists of entity tags, as `If-Match` and `If-None-Match` carry them (RFC 9110 §8.8.3, §13.1).

/// An entity tag of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntityTag<'a> {
    /// Whether `W/` stands before it: then two replies with this tag may differ in bytes.
    pub weak: bool,
    /// What stands between the quotes.
    pub opaque: &'a [u8],
}

/// What such a field names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntityTags<'a> {
    /// `*`: whatever there is.
    Any,
    /// These.
    List(Vec<EntityTag<'a>>),
}

impl<'a> EntityTags<'a> {
    /// Reads the values of one field; several count as one list. `None` when they break the grammar or name nothing.
    pub fn read(values: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let (mut any, mut tags) = (false, Vec::new());
        for value in values {
            let mut rest = value.trim_ascii();
            while !rest.is_empty() {
                if let Some(after) = rest.strip_prefix(b",") {
                    rest = after.trim_ascii_start();
                    continue;
                }
                let after = if let Some(after) = rest.strip_prefix(b"*") {
                    any = true;
                    after
                } else {
                    let (tag, after) = EntityTag::split(rest)?;
                    tags.push(tag);
                    after
                };
                rest = after.trim_ascii_start();
                if !(rest.is_empty() || rest.starts_with(b",")) {
                    return None;
                }
            }
        }
        match (any, tags.is_empty()) {
            (true, true) => Some(Self::Any),
            (false, false) => Some(Self::List(tags)),
            (true, false) | (false, true) => None,
        }
    }
}

impl<'a> EntityTag<'a> {
    /// The tag a text begins with, and what comes after it.
    fn split(text: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let strong = text.strip_prefix(b"W/");
        let quoted = strong.unwrap_or(text).strip_prefix(b"\"")?;
        let end = quoted.iter().position(|byte| *byte == b'"')?;
        let opaque = &quoted[..end];
        let allowed = |byte: &u8| matches!(byte, 0x21 | 0x23..=0x7e | 0x80..);
        let tag = Self {
            weak: strong.is_some(),
            opaque,
        };
        opaque
            .iter()
            .all(allowed)
            .then_some((tag, &quoted[end + 1..]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a>(values: &[&'a str]) -> Option<EntityTags<'a>> {
        EntityTags::read(values.iter().map(|value| value.as_bytes()))
    }

    fn list(tags: &[(bool, &'static str)]) -> Option<EntityTags<'static>> {
        let tag = |&(weak, opaque): &(bool, &'static str)| EntityTag {
            weak,
            opaque: opaque.as_bytes(),
        };
        Some(EntityTags::List(tags.iter().map(tag).collect()))
    }

    #[test]
    fn cq_1_lists_of_tags_are_read_by_their_grammar() {
        for (values, expected) in [
            (vec!["\"a\""], list(&[(false, "a")])),
            (vec!["W/\"a\""], list(&[(true, "a")])),
            (
                vec![" \"a\" ,W/\"b,c\",, \"\" "],
                list(&[(false, "a"), (true, "b,c"), (false, "")]),
            ),
            (vec!["\"a\"", "\"b\""], list(&[(false, "a"), (false, "b")])),
            (vec!["*"], Some(EntityTags::Any)),
            (vec![" * "], Some(EntityTags::Any)),
        ] {
            assert_eq!(read(&values), expected, "{values:?}");
        }
    }

    #[test]
    fn cq_1_what_is_no_list_of_tags_is_not_read() {
        for values in [
            vec![],
            vec![""],
            vec![","],
            vec!["a"],
            vec!["7"],
            vec!["\"a"],
            vec!["a\""],
            vec!["\"a\"\"b\""],
            vec!["\"a\" \"b\""],
            vec!["w/\"a\""],
            vec!["W/ \"a\""],
            vec!["\"a b\""],
            vec!["*, \"a\""],
            vec!["\"a\"", "*"],
            vec!["**"],
        ] {
            assert_eq!(read(&values), None, "{values:?}");
        }
    }
}
