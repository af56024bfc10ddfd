//! Paths taken apart the one way routing and policy both see them (TR-14).
//!
//! The path is split first and each segment decoded afterwards, so an encoded
//! slash stays inside its segment. Whatever two parsers could read in two ways
//! (`.`, `..`, empty segments, `;` parameters, bad escapes) is refused.

/// Splits and decodes a raw path, or says why it is refused.
pub(crate) fn segments(raw: &str) -> Result<Vec<String>, String> {
    let rest = raw
        .strip_prefix('/')
        .ok_or("the path does not begin with /")?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.is_empty() {
        return if raw.len() <= 1 {
            Ok(Vec::new())
        } else {
            Err("the path has an empty segment".into())
        };
    }
    rest.split('/').map(segment).collect()
}

fn segment(raw: &str) -> Result<String, String> {
    if raw.is_empty() {
        return Err("the path has an empty segment".into());
    }
    if let Some(bad) = raw
        .chars()
        .find(|letter| matches!(letter, ';' | '#' | '?' | '\\'))
    {
        return Err(format!("the path holds {bad}"));
    }
    let decoded = decode(raw)?;
    if decoded == "." || decoded == ".." {
        return Err("the path has a dot segment".into());
    }
    Ok(decoded)
}

/// Undoes percent-encoding, strictly.
pub(crate) fn decode(text: &str) -> Result<String, String> {
    if !text.contains('%') {
        return Ok(text.to_owned());
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'%' {
            decoded.push(bytes[at]);
            at += 1;
            continue;
        }
        let pair = bytes.get(at + 1).zip(bytes.get(at + 2));
        let value = pair.and_then(|(&high, &low)| Some(digit(high)? << 4 | digit(low)?));
        decoded.push(value.ok_or("a percent escape is malformed")?);
        at += 3;
    }
    String::from_utf8(decoded).map_err(|_| "a percent escape is not UTF-8".into())
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tr_14_segments_are_split_before_they_are_decoded() {
        assert_eq!(segments("/a/b%2Fc/%C3%A9").unwrap(), ["a", "b/c", "é"]);
        assert_eq!(segments("/a/b/").unwrap(), ["a", "b"]);
        assert_eq!(segments("/").unwrap(), Vec::<String>::new());
        assert_eq!(segments("/a+b").unwrap(), ["a+b"]);
        assert_eq!(segments("/a%3Bb").unwrap(), ["a;b"]);
    }

    #[test]
    fn tr_14_ambiguous_paths_are_refused() {
        let wrong = [
            "",
            "a",
            "//",
            "/a//b",
            "/a//",
            "/./a",
            "/a/..",
            "/%2e%2E/a",
            "/a/%2e",
            "/a;x=1/b",
            "/a%",
            "/a%4",
            "/a%zz",
            "/%ff",
            "/%c3",
            "/a#b",
            "/a\\b",
        ];
        for path in wrong {
            assert!(segments(path).is_err(), "{path} was accepted");
        }
    }
}
