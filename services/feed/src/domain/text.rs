//! Texts made from texts: what a card shows, what a post is about, how long it takes to read (N-26, N-35).

/// Characters of a post's text a card shows.
const CARD: usize = 600;
/// Characters an excerpt has at most.
const EXCERPT: usize = 200;
/// Words read in a minute.
const WORDS_PER_MINUTE: usize = 200;

/// The first characters of a text, and whether there are more.
fn first(text: &str, characters: usize) -> (&str, bool) {
    match text.char_indices().nth(characters) {
        Some((end, _)) => (&text[..end], true),
        None => (text, false),
    }
}

/// What a card shows of a text, and whether the text goes on.
pub(crate) fn card(text: &str) -> (&str, bool) {
    first(text, CARD)
}

/// The beginning of a comment, as events carry it.
pub(crate) fn beginning(text: &str) -> &str {
    first(text, EXCERPT).0
}

/// What a text is about: its beginning on one line, cut after a word.
pub(crate) fn excerpt(text: &str) -> String {
    // Twice the length is enough to fill the excerpt unless most of it is white space.
    let mut line = String::with_capacity(EXCERPT * 2);
    let mut length = 0;
    for word in text.split_whitespace() {
        let gap = usize::from(length > 0);
        let wanted = word.chars().count() + gap;
        if length + wanted > EXCERPT {
            if length == 0 {
                line.push_str(first(word, EXCERPT).0);
            }
            break;
        }
        if gap == 1 {
            line.push(' ');
        }
        line.push_str(word);
        length += wanted;
    }
    line
}

/// How many minutes a text takes to read, at least one.
pub(crate) fn minutes(text: &str) -> i32 {
    let minutes = text
        .split_whitespace()
        .count()
        .div_ceil(WORDS_PER_MINUTE)
        .max(1);
    i32::try_from(minutes).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fd_2_a_card_shows_the_first_600_characters_and_says_so() {
        let text = "ä".repeat(600);
        assert_eq!(card(&text), (text.as_str(), false));
        let longer = format!("{text}!");
        assert_eq!(card(&longer), (text.as_str(), true));
    }

    #[test]
    fn n_26_an_excerpt_has_at_most_200_characters_and_ends_with_a_word() {
        let text = "innovation ".repeat(40);
        let made = excerpt(&text);
        assert!(made.chars().count() <= 200);
        assert!(made.ends_with("innovation"));
        assert_eq!(excerpt("  two\n\nlines "), "two lines");
        assert_eq!(excerpt(&"x".repeat(300)).len(), 200);
        assert_eq!(excerpt(""), "");
    }

    #[test]
    fn n_35_reading_takes_a_minute_for_200_words_and_at_least_one() {
        assert_eq!(minutes(""), 1);
        assert_eq!(minutes(&"word ".repeat(200)), 1);
        assert_eq!(minutes(&"word ".repeat(201)), 2);
    }
}
