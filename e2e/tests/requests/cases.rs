//! The file, read: what a case sends and what it expects.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

/// Where the cases are, from the root of the workspace.
const FILE: &str = "docs/requests.md";

/// The whole file.
pub(crate) struct Book {
    /// The headings.
    pub(crate) headings: Vec<String>,
    pub(crate) cases: Vec<Case>,
}

/// Where a case can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// In process and through the door.
    Anywhere,
    /// Through the door only: the door itself answers.
    Door,
}

/// One request and what it means.
pub(crate) struct Case {
    line: usize,
    pub(crate) kind: Kind,
    pub(crate) method: String,
    /// Bytes, since a request line can hold what is no text.
    pub(crate) target: Vec<u8>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    pub(crate) expected: Expected,
    pub(crate) expected_text: String,
    /// Lower-case names.
    pub(crate) headers_expected: Vec<(String, String)>,
}

/// What a case expects.
#[derive(Debug)]
pub(crate) enum Expected {
    /// A service receives this message.
    Received {
        status: u16,
        rpc: String,
        message: Value,
    },
    /// The door answers this itself.
    Answered { status: u16, data: Option<Value> },
    /// A refusal with these details: field, and words of its message.
    Refused {
        status: u16,
        code: String,
        details: Vec<(String, String)>,
    },
}

impl Book {
    pub(crate) fn read() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/requests.md");
        let text = std::fs::read_to_string(path).unwrap();
        let mut book = Self {
            headings: Vec::new(),
            cases: Vec::new(),
        };
        let mut names = BTreeMap::new();
        let mut fence = None;
        let mut lines: Vec<(usize, &str)> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            match (fence, line.strip_prefix("```")) {
                (None, Some(kind)) => fence = Some(kind),
                (None, None) => book
                    .headings
                    .extend(line.strip_prefix('#').map(str::to_owned)),
                (Some("names"), None) => {
                    let (name, value) = line
                        .split_once(" = ")
                        .unwrap_or_else(|| panic!("{FILE}:{number}: no name"));
                    names.insert(name.to_owned(), value.to_owned());
                }
                (Some("requests"), None) if !line.trim().is_empty() => lines.push((number, line)),
                (Some("requests"), _) => {
                    if !lines.is_empty() {
                        book.cases.push(case(&std::mem::take(&mut lines), &names));
                    }
                    if line.starts_with("```") {
                        fence = None;
                    }
                }
                (Some(_), Some(_)) => fence = None,
                (Some(_), None) => {}
            }
        }
        book
    }
}

impl Case {
    /// Whether it is what a browser asks before the request itself (HD-4).
    pub(crate) fn is_preflight(&self) -> bool {
        let mut headers = self.headers.iter();
        self.method == "OPTIONS" && headers.any(|(name, _)| name == "Access-Control-Request-Method")
    }

    /// Where it stands, and its request.
    pub(crate) fn place(&self) -> String {
        let mut place = format!(
            "{FILE}:{}: {} {}",
            self.line,
            self.method,
            self.target.escape_ascii()
        );
        if !self.body.is_empty() {
            let shown = self.body.escape_ascii().to_string();
            write!(place, "  {}", shown.chars().take(200).collect::<String>()).unwrap();
        }
        place
    }
}

fn case(lines: &[(usize, &str)], names: &BTreeMap<String, String>) -> Case {
    let (line, _) = lines[0];
    let wrong = |what: &str| -> ! { panic!("{FILE}:{line}: {what}") };
    let mut lines = lines
        .iter()
        .map(|(_, line)| *line)
        .filter(|line| !line.starts_with("# "))
        .peekable();
    let request = lines.next().unwrap_or_else(|| wrong("a comment alone"));
    let (method, target) = request
        .split_once(' ')
        .unwrap_or_else(|| wrong("no request line"));
    let mut headers = Vec::new();
    while let Some((name, value)) = lines.peek().and_then(|line| header(line)) {
        headers.push((name.to_owned(), expanded(value, names)));
        lines.next();
    }
    let mut body = Vec::new();
    let expected_text = loop {
        let line = lines.next().unwrap_or_else(|| wrong("no expectation"));
        if let Some(expected) = line.strip_prefix("=> ") {
            break expected;
        }
        if !body.is_empty() {
            body.push(b'\n');
        }
        body.extend(expanded(line, names));
    };
    let headers_expected = lines.map(|line| header(line).unwrap_or_else(|| wrong("no header")));
    let headers_expected = headers_expected
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let (kind, rest) = match expected_text.strip_prefix("door ") {
        Some(rest) => (Kind::Door, rest),
        None => (Kind::Anywhere, expected_text),
    };
    let rest = String::from_utf8(expanded(rest, names)).unwrap();
    Case {
        line,
        kind,
        method: method.to_owned(),
        target: expanded(target, names),
        headers,
        body,
        expected: expected(&rest).unwrap_or_else(|| wrong("the expectation cannot be read")),
        expected_text: rest.clone(),
        headers_expected,
    }
}

/// A header line; JSON is none.
fn header(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_name.then(|| (name, value.trim_start()))
}

/// `STATUS RPC MESSAGE`, `STATUS [DATA]` or `STATUS CODE [FIELD (words), …]`.
fn expected(text: &str) -> Option<Expected> {
    let (status, rest) = text.split_once(' ').unwrap_or((text, ""));
    let status: u16 = status.parse().ok()?;
    let (word, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    if status >= 400 {
        return Some(Expected::Refused {
            status,
            code: word.to_owned(),
            details: details(rest)?,
        });
    }
    if word.is_empty() {
        return Some(Expected::Answered { status, data: None });
    }
    if word.starts_with(['{', '[']) {
        let data = serde_json::from_str(text.split_once(' ')?.1).ok()?;
        return Some(Expected::Answered {
            status,
            data: Some(data),
        });
    }
    Some(Expected::Received {
        status,
        rpc: word.to_owned(),
        message: serde_json::from_str(rest).ok()?,
    })
}

fn details(mut rest: &str) -> Option<Vec<(String, String)>> {
    let mut details = Vec::new();
    while !rest.is_empty() {
        let end = rest.find([' ', ',']).unwrap_or(rest.len());
        // The request as a whole has no field.
        let field = if &rest[..end] == "-" {
            ""
        } else {
            &rest[..end]
        };
        rest = rest[end..].trim_start();
        let mut words = "";
        if let Some(inner) = rest.strip_prefix('(') {
            let close = inner
                .find("),")
                .or_else(|| inner.ends_with(')').then(|| inner.len() - 1))?;
            words = &inner[..close];
            rest = &inner[close + 1..];
        }
        rest = rest.trim_start_matches(',').trim_start();
        details.push((field.to_owned(), words.to_owned()));
    }
    Some(details)
}

/// Puts names in for `$name`, runs for `${TEXT*COUNT}`, bytes for `${hex:..}` and escapes for `«TEXT»`.
fn expanded(text: &str, names: &BTreeMap<String, String>) -> Vec<u8> {
    if let Some((before, rest)) = text.split_once('«') {
        let (inside, after) = rest
            .split_once('»')
            .unwrap_or_else(|| panic!("{text}: « is not closed"));
        let inside = expanded(inside, names)
            .into_iter()
            .map(|byte| format!("%{byte:02X}"));
        return [
            expanded(before, names),
            inside.collect::<String>().into_bytes(),
            expanded(after, names),
        ]
        .concat();
    }
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        if let Some(inner) = rest.strip_prefix('{') {
            let end = inner
                .find('}')
                .unwrap_or_else(|| panic!("{text}: ${{ is not closed"));
            run(&inner[..end], &mut out);
            rest = &inner[end + 1..];
            continue;
        }
        let end = rest
            .find(|letter: char| !letter.is_ascii_lowercase())
            .unwrap_or(rest.len());
        match names.get(&rest[..end]) {
            Some(value) => out.extend_from_slice(value.as_bytes()),
            None => panic!("{text}: ${} is no name", &rest[..end]),
        }
        rest = &rest[end..];
    }
    out.extend_from_slice(rest.as_bytes());
    out
}

fn run(inner: &str, out: &mut Vec<u8>) {
    if let Some(digits) = inner.strip_prefix("hex:") {
        let bytes = digits
            .as_bytes()
            .chunks(2)
            .map(|pair| std::str::from_utf8(pair).unwrap());
        out.extend(bytes.map(|pair| u8::from_str_radix(pair, 16).unwrap()));
        return;
    }
    let (text, count) = inner.rsplit_once('*').unwrap();
    out.extend(text.repeat(count.parse().unwrap()).bytes());
}
