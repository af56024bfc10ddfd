//! Names of blog posts in addresses (FD-20).

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Characters a name has at most.
pub(crate) const LONGEST: usize = 80;

/// The name a title makes: ASCII letters and digits in lower case, everything else one `-`; none when nothing is left.
pub(crate) fn of(title: &str) -> Option<String> {
    let mut name = String::with_capacity(title.len().min(LONGEST));
    for character in title.nfkd().filter(|c| !is_combining_mark(*c)) {
        let plain = spelled(character);
        if plain.is_empty() {
            if !name.is_empty() && !name.ends_with('-') {
                name.push('-');
            }
        } else {
            name.push_str(&plain);
        }
    }
    name.truncate(LONGEST);
    let name = name.trim_end_matches('-');
    (!name.is_empty()).then(|| name.to_owned())
}

/// The `n`-th choice for a name that is taken: `name`, `name-2`, `name-3` …, never longer than a name may be.
pub(crate) fn choice(name: &str, n: u32) -> String {
    if n < 2 {
        return name.to_owned();
    }
    let suffix = format!("-{n}");
    let kept = name.len().min(LONGEST - suffix.len());
    format!("{}{suffix}", name[..kept].trim_end_matches('-'))
}

/// A character as ASCII letters and digits; empty when it has none. Letters that have no decomposition are spelled out.
fn spelled(character: char) -> String {
    match character {
        'a'..='z' | '0'..='9' => character.into(),
        'A'..='Z' => character.to_ascii_lowercase().into(),
        'ß' | 'ẞ' => "ss".into(),
        'æ' | 'Æ' => "ae".into(),
        'œ' | 'Œ' => "oe".into(),
        'ø' | 'Ø' => "o".into(),
        'đ' | 'Đ' | 'ð' | 'Ð' => "d".into(),
        'ł' | 'Ł' => "l".into(),
        'þ' | 'Þ' => "th".into(),
        'ı' => "i".into(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fd_20_a_title_becomes_ascii_words_joined_by_dashes() {
        assert_eq!(
            of("Über  Größe: 10 Ideas!").as_deref(),
            Some("uber-grosse-10-ideas")
        );
        assert_eq!(of(" ...Crème brûlée? ").as_deref(), Some("creme-brulee"));
        assert_eq!(of("日本語"), None);
    }

    #[test]
    fn fd_20_a_name_has_at_most_80_characters_with_its_suffix() {
        let name = of(&"long title ".repeat(20)).unwrap();
        assert!(name.len() <= LONGEST && !name.ends_with('-'));
        assert_eq!(choice("idea", 1), "idea");
        assert_eq!(choice("idea", 2), "idea-2");
        assert!(choice(&"x".repeat(80), 12).ends_with("-12"));
        assert_eq!(choice(&"x".repeat(80), 12).len(), LONGEST);
    }
}
