//! Profiles named in a text with `@` (FD-12).

use std::collections::HashSet;

/// Names one text may mention; further ones are only text (N-32).
const MOST: usize = 20;

/// The user names a text mentions, lower-case, each once, in the order of the text.
///
/// A name begins with `@` at the beginning of a word, so that e-mail addresses mention nobody, and has 3 to 100 of
/// `[a-z0-9._]`; a full stop at its end belongs to the sentence.
pub(crate) fn names(text: &str) -> Vec<String> {
    let mut seen = HashSet::new();
    let mut names = Vec::new();
    let mut before = ' ';
    for (at, character) in text.char_indices() {
        if character == '@' && !(before.is_alphanumeric() || "._@".contains(before)) {
            let tail = &text[at + 1..];
            let end = tail.find(|c: char| !is_name(c)).unwrap_or(tail.len());
            let name = tail[..end].trim_end_matches('.').to_ascii_lowercase();
            if (3..=100).contains(&name.len()) && seen.insert(name.clone()) {
                names.push(name);
                if names.len() == MOST {
                    break;
                }
            }
        }
        before = character;
    }
    names
}

/// Whether a character may stand in a user name.
fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '.' || character == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fd_12_names_are_found_at_the_beginning_of_words_only() {
        assert_eq!(
            names("@Ada, meet @grace.hopper. And (@ada)!"),
            ["ada", "grace.hopper"]
        );
        assert!(names("mail me: someone@example.com, @ab, @@many").is_empty());
    }

    #[test]
    fn n_32_at_most_20_names_count() {
        let text = (0..30).map(|n| format!("@name{n:02} ")).collect::<String>();
        let found = names(&text);
        assert_eq!(found.len(), 20);
        assert_eq!(found[19], "name19");
    }
}
