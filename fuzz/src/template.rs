//! Path templates: what the grammar lets through routes as a plain search over all templates would.
//!
//! Input: a line with a request path, then one template a line.

use std::sync::LazyLock;

use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use transcode::{BuildError, RouteError, Transcoder};
use url::form_urlencoded::byte_serialize;

use crate::Target;

pub(crate) const TARGET: Target = Target {
    name: "template",
    words: &[
        "/",
        "*",
        "**",
        "{id}",
        "{id=*}",
        "{id=**}",
        "{name=a/*}",
        "{inner.id}",
        "{inner.inner.name=b/**}",
        ":run",
        "/a",
        "/b",
        "%2F",
        "%41",
        "%25",
        "..",
        ";",
        "\n",
        "é",
        "{",
        "}",
        "=",
    ],
    run,
};

/// Templates beyond this many add nothing but time.
const MOST: usize = 8;

/// A message that has itself inside, for variables of any depth.
const FILE: &str = r#"name: "t.proto" package: "t" syntax: "proto3" dependency: "google/api/annotations.proto"
    message_type { name: "M"
        field { name: "id" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL json_name: "id" }
        field { name: "name" number: 2 type: TYPE_STRING label: LABEL_OPTIONAL json_name: "name" }
        field { name: "inner" number: 3 type: TYPE_MESSAGE type_name: ".t.M" label: LABEL_OPTIONAL json_name: "inner" } }"#;

/// The files every set begins with, encoded, and what one file is.
static BASE: LazyLock<(Vec<u8>, MessageDescriptor)> = LazyLock::new(|| {
    let include = concat!(env!("CARGO_MANIFEST_DIR"), "/../proto");
    let mut compiler = protox::Compiler::new([include]).unwrap();
    compiler.include_imports(true);
    compiler.open_file("google/api/annotations.proto").unwrap();
    let set = compiler.encode_file_descriptor_set();
    let pool = DescriptorPool::decode(set.as_slice()).unwrap();
    let file = pool
        .get_message_by_name("google.protobuf.FileDescriptorProto")
        .unwrap();
    (set, file)
});

fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let mut lines = text.split('\n');
    let Some(path) = lines.next() else { return };
    let templates: Vec<&str> = lines.filter(|line| !line.is_empty()).take(MOST).collect();
    match compiled(&templates) {
        Ok(transcoder) => routes(&transcoder, path),
        Err(error) => {
            let told = matches!(
                error,
                BuildError::Template { .. }
                    | BuildError::Binding { .. }
                    | BuildError::Ambiguous { .. }
            );
            assert!(told, "{error:?}");
        }
    }
}

fn compiled(templates: &[&str]) -> Result<Transcoder, BuildError> {
    let (base, file) = &*BASE;
    let mut text = FILE.to_owned();
    text.push_str(" service { name: \"S\"");
    for (index, template) in templates.iter().enumerate() {
        let escaped: String = template
            .bytes()
            .map(|byte| format!("\\{byte:03o}"))
            .collect();
        text.push_str(&format!(
            " method {{ name: \"R{index}\" input_type: \".t.M\" output_type: \".t.M\" options {{ [google.api.http] {{ get: \"{escaped}\" }} }} }}"
        ));
    }
    text.push('}');
    let file = DynamicMessage::parse_text_format(file.clone(), &text).unwrap();
    // A set is its files one after the other, so that two sets are one when they are joined.
    let mut set = base.clone();
    prost::encoding::encode_key(1, prost::encoding::WireType::LengthDelimited, &mut set);
    prost::encoding::encode_varint(file.encoded_len() as u64, &mut set);
    file.encode(&mut set).unwrap();
    Transcoder::new(&set)
}

/// One segment of a template that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Piece<'a> {
    // In the order of preference (TR-14).
    Literal(&'a str),
    One,
    Rest,
}

/// A template taken apart without the parser's help, and which segments its variables cover.
struct Plain<'a> {
    pieces: Vec<Piece<'a>>,
    verb: Option<&'a str>,
    variables: Vec<(String, std::ops::Range<usize>)>,
}

impl<'a> Plain<'a> {
    fn of(template: &'a str) -> Self {
        let (path, verb) = match template.rsplit_once(':') {
            Some((path, verb)) => (path, Some(verb)),
            None => (template, None),
        };
        let mut plain = Self {
            pieces: Vec::new(),
            verb,
            variables: Vec::new(),
        };
        let mut open = None;
        for part in path.split('/').skip(1).filter(|_| path != "/") {
            let begins = part.strip_prefix('{');
            let mut rest = begins.unwrap_or(part);
            if begins.is_some() {
                let name = &rest[..rest.find(['=', '}']).unwrap()];
                open = Some((name.to_owned(), plain.pieces.len()));
                rest = rest[name.len()..].strip_prefix('=').unwrap_or("*}");
            }
            let closes = rest.strip_suffix('}');
            plain.pieces.push(match closes.unwrap_or(rest) {
                "*" => Piece::One,
                "**" => Piece::Rest,
                literal => Piece::Literal(literal),
            });
            if closes.is_some() {
                let (name, from) = open.take().unwrap();
                plain.variables.push((name, from..plain.pieces.len()));
            }
        }
        plain
    }

    /// How well it fits, best first; none when it does not.
    fn fits(&self, segments: &[String], verb: Option<&str>) -> Option<Vec<u8>> {
        if self.verb.map(decoded).as_deref() != verb {
            return None;
        }
        let mut ranks = Vec::new();
        for (index, piece) in self.pieces.iter().enumerate() {
            match (piece, segments.get(index)) {
                (Piece::Rest, _) => return Some([&ranks[..], &[2]].concat()),
                (Piece::One, Some(_)) => ranks.push(1),
                (Piece::Literal(text), Some(segment)) if decoded(text) == *segment => ranks.push(0),
                _ => return None,
            }
        }
        (segments.len() == self.pieces.len()).then_some(ranks)
    }
}

fn routes(transcoder: &Transcoder, path: &str) {
    let plains: Vec<Plain<'_>> = transcoder
        .routes()
        .iter()
        .map(|route| Plain::of(&route.template))
        .collect();
    let found = match transcoder.find("GET", path) {
        Err(RouteError::BadPath(_)) => return,
        found => found.ok(),
    };
    let expected = expected(&plains, path);
    let index = found.as_ref().map(|found| {
        transcoder
            .routes()
            .iter()
            .position(|route| std::ptr::eq(route, found.route))
            .unwrap()
    });
    assert_eq!(
        index,
        expected.map(|(index, _)| index),
        "the route of {path}"
    );
    let (Some(found), Some((index, verb))) = (found, expected) else {
        return;
    };
    let variables: Vec<(String, String)> = found
        .variables()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    let again = reprinted(&plains[index], path, verb, &variables);
    let Some(again) = again else { return };
    let found = transcoder
        .find("GET", &again)
        .unwrap_or_else(|error| panic!("{path} as {again}: {error}"));
    assert!(
        std::ptr::eq(found.route, &transcoder.routes()[index]),
        "{path} as {again}"
    );
    let same: Vec<(String, String)> = found
        .variables()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    assert_eq!(same, variables, "{path} as {again}");
}

/// The route a search over all templates finds, and whether its verb was taken off the path.
fn expected(plains: &[Plain<'_>], path: &str) -> Option<(usize, bool)> {
    let raw = raw_segments(path);
    let best = |segments: &[String], verb: Option<&str>| {
        let fitting = plains.iter().enumerate();
        let fitting =
            fitting.filter_map(|(index, plain)| Some((plain.fits(segments, verb)?, index)));
        fitting.min().map(|(_, index)| index)
    };
    if let Some((last, others)) = raw.split_last()
        && let Some((name, verb)) = last.rsplit_once(':')
        && !name.is_empty()
    {
        let segments: Vec<String> = others.iter().copied().chain([name]).map(decoded).collect();
        if let Some(index) = best(&segments, Some(&decoded(verb))) {
            return Some((index, true));
        }
    }
    let segments: Vec<String> = raw.iter().copied().map(decoded).collect();
    best(&segments, None).map(|index| (index, false))
}

fn raw_segments(path: &str) -> Vec<&str> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        Vec::new()
    } else {
        path.split('/').collect()
    }
}

/// The path with the segments of its variables written anew from their values.
fn reprinted(
    plain: &Plain<'_>,
    path: &str,
    verb: bool,
    variables: &[(String, String)],
) -> Option<String> {
    let raw = raw_segments(path);
    let mut segments: Vec<String> = raw.iter().map(|segment| (*segment).to_owned()).collect();
    let mut tail = String::new();
    if verb && let Some(last) = segments.last_mut() {
        tail = last.split_off(last.rfind(':')?);
    }
    let mut parts: Vec<Option<String>> = segments.into_iter().map(Some).collect();
    for ((_, range), (_, value)) in plain.variables.iter().zip(variables) {
        let several = range.len() > 1 || plain.pieces[range.start] == Piece::Rest;
        // google.api.http keeps an encoded slash of several segments as %2F and so cannot tell it from an encoded %.
        if several && value.contains('%') {
            return None;
        }
        let end = if plain.pieces[range.clone()].last() == Some(&Piece::Rest) {
            parts.len()
        } else {
            range.end
        };
        if several && range.start == parts.len() {
            continue;
        }
        let written = if several {
            value.split('/').map(encoded).collect::<Vec<_>>().join("/")
        } else {
            encoded(value)
        };
        parts[range.start..end].fill(None);
        parts[range.start] = Some(written);
    }
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    Some(format!("/{}{tail}", parts.join("/")))
}

fn encoded(text: &str) -> String {
    // A form writes a space as +, which a path takes literally.
    byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

fn decoded(text: &str) -> String {
    // A form reads + as a space, a path does not.
    let query = format!("={}", text.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(query.as_bytes())
        .next()
        .unwrap()
        .1
        .into_owned()
}
