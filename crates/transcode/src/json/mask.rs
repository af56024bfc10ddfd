//! Field mask paths between `snake_case` and camelCase.

/// Appends the camelCase form; false when the path does not survive the way back.
pub(crate) fn camel(out: &mut String, path: &str) -> bool {
    let mut raise = false;
    for letter in path.chars() {
        if letter == '_' {
            if raise {
                return false;
            }
            raise = true;
        } else if letter.is_ascii_uppercase() || (raise && !letter.is_ascii_lowercase()) {
            return false;
        } else {
            out.push(if raise {
                letter.to_ascii_uppercase()
            } else {
                letter
            });
            raise = false;
        }
    }
    !raise
}

/// The `snake_case` form of a camelCase path; none when it already holds `_`.
pub(crate) fn snake(path: &str) -> Option<String> {
    let mut snake = String::with_capacity(path.len() + 4);
    for letter in path.chars() {
        match letter {
            '_' => return None,
            'A'..='Z' => {
                snake.push('_');
                snake.push(letter.to_ascii_lowercase());
            }
            _ => snake.push(letter),
        }
    }
    Some(snake)
}

/// The camelCase form of any name: `_` vanishes and raises the next letter.
pub(crate) fn camel_name(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    let mut raise = false;
    for letter in name.chars() {
        if letter == '_' {
            raise = true;
        } else {
            camel.push(if raise {
                letter.to_ascii_uppercase()
            } else {
                letter
            });
            raise = false;
        }
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_that_would_not_come_back_are_refused() {
        for (path, expected) in [
            ("foo_bar.baz", Some("fooBar.baz")),
            ("foo__bar", None),
            ("fooBar", None),
            ("foo_3", None),
            ("foo_", None),
        ] {
            let mut out = String::new();
            assert_eq!(
                camel(&mut out, path).then_some(out.as_str()),
                expected,
                "{path}"
            );
        }
        assert_eq!(snake("fooBar.x").as_deref(), Some("foo_bar.x"));
        assert_eq!(snake("foo_bar"), None);
    }
}
