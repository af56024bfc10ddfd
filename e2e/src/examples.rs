//! Documentation whose examples are run: fenced blocks of a Markdown file, and what their output must look like.
//!
//! A block of `sh` is an example; the block that follows it, if it is `json`, `http` or `text`, says what it prints. In
//! what is expected, `…` stands for any text, as a whole value for any value, as a key for further keys, and as the last
//! item of an array for further items. Ids, timestamps and tokens stand for others of their kind.

use serde_json::Value;

/// One example.
#[derive(Debug, PartialEq, Eq)]
pub struct Example {
    /// The line of the file its code begins at.
    pub line: usize,
    /// The language after the fence: `sh`, `js`.
    pub language: String,
    /// What is run.
    pub code: String,
    /// The language and text of the block that says what it prints.
    pub expected: Option<(String, String)>,
}

/// Returns the examples of a Markdown text.
#[must_use]
pub fn examples(markdown: &str) -> Vec<Example> {
    let mut found: Vec<Example> = Vec::new();
    let mut open: Option<(String, usize, String)> = None;
    for (index, line) in markdown.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(language)) => open = Some((language.to_owned(), index + 2, String::new())),
            (Some((_, _, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (Some(_), Some(_)) => {
                let Some((language, line, text)) = open.take() else {
                    continue;
                };
                match (language.as_str(), found.last_mut()) {
                    ("sh" | "js", _) => found.push(Example {
                        line,
                        language,
                        code: text,
                        expected: None,
                    }),
                    ("json" | "http" | "text", Some(last)) if last.expected.is_none() => {
                        last.expected = Some((language, text));
                    }
                    _ => {}
                }
            }
            (None, None) => {}
        }
    }
    found
}

/// Compares what an example printed with what is expected of it.
///
/// # Errors
/// The first difference.
pub fn compare(language: &str, expected: &str, printed: &str) -> Result<(), String> {
    match language {
        "json" => {
            let expected: Value = serde_json::from_str(expected)
                .map_err(|error| format!("what is expected is not JSON: {error}"))?;
            let printed: Value = serde_json::from_str(printed)
                .map_err(|error| format!("what was printed is not JSON: {error}: {printed}"))?;
            json("", &expected, &printed)
        }
        "http" => http(expected, printed),
        _ => text(expected, printed),
    }
}

/// Compares values; `path` says where.
fn json(path: &str, expected: &Value, printed: &Value) -> Result<(), String> {
    let differ = || {
        Err(format!(
            "at {path:?}: expected {expected}, printed {printed}"
        ))
    };
    match (expected, printed) {
        (Value::String(pattern), _) if pattern == "…" => Ok(()),
        (Value::String(pattern), Value::String(text)) => {
            if same_kind(pattern, text) || glob(pattern, text) {
                Ok(())
            } else {
                differ()
            }
        }
        (Value::Array(expected), Value::Array(printed)) => {
            let (rest, items) = match expected.split_last() {
                Some((Value::String(last), items)) if last == "…" => (true, items),
                _ => (false, expected.as_slice()),
            };
            if printed.len() < items.len() || (!rest && printed.len() > items.len()) {
                return differ();
            }
            items
                .iter()
                .zip(printed)
                .enumerate()
                .try_for_each(|(index, (one, other))| json(&format!("{path}[{index}]"), one, other))
        }
        (Value::Object(expected), Value::Object(printed)) => {
            if let Some(extra) = printed.keys().find(|key| !expected.contains_key(*key))
                && !expected.contains_key("…")
            {
                return Err(format!("at {path:?}: {extra:?} is not in the document"));
            }
            expected
                .iter()
                .filter(|(key, _)| *key != "…")
                .try_for_each(|(key, one)| match printed.get(key) {
                    Some(other) => json(&format!("{path}/{key}"), one, other),
                    None => Err(format!("at {path:?}: {key:?} was not printed")),
                })
        }
        (one, other) if one == other => Ok(()),
        _ => differ(),
    }
}

/// Every line of what is expected is a line of the head or part of the body; the first is the status line.
fn http(expected: &str, printed: &str) -> Result<(), String> {
    let (head, body) = printed
        .split_once("\r\n\r\n")
        .or_else(|| printed.split_once("\n\n"))
        .unwrap_or((printed, ""));
    let (wanted, wanted_body) = expected.split_once("\n\n").unwrap_or((expected, ""));
    let lines: Vec<&str> = head.lines().map(str::trim_end).collect();
    let status = wanted.lines().next().unwrap_or_default();
    if !lines
        .first()
        .is_some_and(|line| glob(status, line) || line.starts_with(status))
    {
        return Err(format!("expected {status}, printed {head}"));
    }
    for line in wanted.lines().skip(1) {
        let matches = |printed: &&str| {
            let (name, value) = line.split_once(": ").unwrap_or((line, "…"));
            printed.split_once(": ").is_some_and(|(other, text)| {
                other.eq_ignore_ascii_case(name) && (glob(value, text) || same_kind(value, text))
            })
        };
        if !lines.iter().any(matches) {
            return Err(format!("expected the header {line}, printed {head}"));
        }
    }
    if wanted_body.trim().is_empty() {
        return Ok(());
    }
    compare("json", wanted_body, body)
}

/// Line by line; a line of JSON is compared as JSON, and a last `…` stands for further lines.
fn text(expected: &str, printed: &str) -> Result<(), String> {
    let (mut wanted, lines): (Vec<&str>, Vec<&str>) =
        (expected.lines().collect(), printed.lines().collect());
    let rest = wanted.last() == Some(&"…");
    if rest {
        wanted.pop();
    }
    if lines.len() < wanted.len() || (!rest && lines.len() > wanted.len()) {
        return Err(format!(
            "expected {} lines, printed: {printed}",
            wanted.len()
        ));
    }
    for (one, other) in wanted.iter().zip(lines) {
        let field = if one.starts_with("data: ") {
            "data: "
        } else {
            ""
        };
        let parsed = |line: &str| {
            serde_json::from_str::<Value>(line.strip_prefix(field)?)
                .ok()
                .filter(Value::is_object)
        };
        match (parsed(one), parsed(other)) {
            (Some(wanted), Some(found)) => json("", &wanted, &found)?,
            _ if glob(one, other) => {}
            _ => return Err(format!("expected the line {one}, printed {other}")),
        }
    }
    Ok(())
}

/// Reports whether both are ids, both timestamps, both signed tokens or both tags of replies.
fn same_kind(expected: &str, printed: &str) -> bool {
    let kinds: [fn(&str) -> bool; 4] = [is_id, is_timestamp, is_token, is_tag];
    kinds.iter().any(|kind| kind(expected) && kind(printed))
}

fn is_id(text: &str) -> bool {
    // With hyphens a thing's, without them a request's.
    matches!(text.len(), 32 | 36) && uuid::Uuid::parse_str(text).is_ok()
}

fn is_timestamp(text: &str) -> bool {
    shape(text) == "0000-00-00A00:00:00.000A"
}

/// The text with every digit as `0` and every letter as `A`.
fn shape(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '0'..='9' => '0',
            'a'..='z' | 'A'..='Z' => 'A',
            other => other,
        })
        .collect()
}

fn is_token(text: &str) -> bool {
    text.starts_with("eyJ") && text.matches('.').count() == 2
}

fn is_tag(text: &str) -> bool {
    let inner = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    inner
        .and_then(|text| text.split_once('-'))
        .is_some_and(|(version, hash)| {
            version.parse::<u64>().is_ok()
                && hash.len() == 16
                && hash.bytes().all(|b| b.is_ascii_hexdigit())
        })
}

/// Matches a text against a pattern in which `…` stands for anything.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_is_a_block_and_the_block_that_says_what_it_prints() {
        let text = "a\n```sh\nls\n```\nprints\n```json\n1\n```\n```text\nx\n```\n```sh\npwd\n```\n";
        let found = examples(text);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].line, found[0].code.as_str()), (3, "ls\n"));
        assert_eq!(found[0].expected, Some(("json".into(), "1\n".into())));
        assert_eq!(found[1].expected, None);
    }

    #[test]
    fn values_are_compared_and_their_kinds_where_they_vary() {
        let id = "0193a1b2-0000-7000-8000-000000000001";
        for (expected, printed, equal) in [
            (r#"{"a":1}"#, r#"{"a":1}"#, true),
            (r#"{"a":1}"#, r#"{"a":2}"#, false),
            (r#"{"a":1}"#, r#"{"a":1,"b":2}"#, false),
            (r#"{"a":1,"…":"…"}"#, r#"{"a":1,"b":2}"#, true),
            (r#"{"a":1}"#, r#"{}"#, false),
            (r#"["…"]"#, r"[1,2]", true),
            (r#"[1,"…"]"#, r"[]", false),
            (r#"{"a":"…"}"#, r#"{"a":null}"#, true),
            (r#"{"a":"x…"}"#, r#"{"a":"xy"}"#, true),
            (r#"{"a":"x…"}"#, r#"{"a":"y"}"#, false),
            (
                r#""2026-01-01T00:00:00.000Z""#,
                r#""2027-01-01T00:00:00.123Z""#,
                true,
            ),
            (r#""2026-01-01T00:00:00.000Z""#, r#""2027-01-01""#, false),
        ] {
            assert_eq!(
                compare("json", expected, printed).is_ok(),
                equal,
                "{expected} {printed}"
            );
        }
        let other = id.replace('1', "2");
        assert!(compare("json", &format!("{id:?}"), &format!("{other:?}")).is_ok());
        assert!(compare("json", &format!("{id:?}"), r#""x""#).is_err());
    }

    #[test]
    fn heads_and_lines_are_compared() {
        let printed =
            "HTTP/1.1 304 Not Modified\r\netag: \"1-00112233aabbccdd\"\r\nvary: Accept\r\n\r\n";
        assert!(
            compare(
                "http",
                "HTTP/1.1 304\nETag: \"7-ffffffffffffffff\"\n",
                printed
            )
            .is_ok()
        );
        assert!(compare("http", "HTTP/1.1 200\n", printed).is_err());
        assert!(compare("http", "HTTP/1.1 304\nETag: \"7\"\n", printed).is_err());
        assert!(
            compare(
                "text",
                "id: …\ndata: {\"a\":\"…\"}\n…\n",
                "id: 7\ndata: {\"a\":1}\n\n"
            )
            .is_ok()
        );
        assert!(compare("text", "id: …\n", "id: 7\nmore\n").is_err());
    }
}
