//! How enum values are written outside protobuf: as `lower_snake` words (TR-3).

mod table {
    use super::Word;

    include!(concat!(env!("OUT_DIR"), "/words.rs"));
}

/// An enum whose values have words; implemented by every enum of the contracts.
///
/// The value 0 (`…_UNSPECIFIED`) has no word: it prints null.
pub trait Word: Copy + Into<i32> + TryFrom<i32> + 'static {
    /// Every word with the number of its value, in the order of declaration.
    const WORDS: &'static [(&'static str, i32)];
    /// Further spellings that are read, with the number of their value.
    const ALIASES: &'static [(&'static str, i32)];

    /// The word of this value; none for the value 0.
    #[must_use]
    fn word(self) -> Option<&'static str> {
        let number = self.into();
        Self::WORDS
            .iter()
            .find(|(_, n)| *n == number)
            .map(|(word, _)| *word)
    }

    /// The value a word means: case does not matter, `-` is `_`, aliases count.
    #[must_use]
    fn from_word(text: &str) -> Option<Self> {
        let mut all = Self::WORDS.iter().chain(Self::ALIASES);
        let (_, number) = all.find(|(word, _)| same(word, text))?;
        Self::try_from(*number).ok()
    }
}

/// Whether a text spells a word.
pub(crate) fn same(word: &str, text: &str) -> bool {
    let fold = |byte: u8| {
        if byte == b'-' {
            b'_'
        } else {
            byte.to_ascii_lowercase()
        }
    };
    word.len() == text.len()
        && word
            .bytes()
            .zip(text.bytes())
            .all(|(a, b)| fold(a) == fold(b))
}
