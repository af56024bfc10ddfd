//! The path template grammar of google.api.http.
//!
//! ```text
//! Template  = "/" Segments [ Verb ] ;
//! Segments  = Segment { "/" Segment } ;
//! Segment   = "*" | "**" | LITERAL | Variable ;
//! Variable  = "{" FieldPath [ "=" Segments ] "}" ;
//! FieldPath = IDENT { "." IDENT } ;
//! Verb      = ":" LITERAL ;
//! ```

use std::ops::Range;

use crate::path;

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    /// The segments, variables dissolved.
    pub(crate) segments: Vec<Segment>,
    /// The verb, without its colon.
    pub(crate) verb: Option<String>,
    /// Where the variables' values stand.
    pub(crate) variables: Vec<Variable>,
}

/// What one path segment must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Segment {
    /// This text.
    Literal(String),
    /// Any one segment.
    One,
    /// Any number of segments; only at the end.
    Rest,
}

/// A variable and the segments it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variable {
    /// The proto names of the field path.
    pub(crate) path: Vec<String>,
    /// The segments of the template it covers.
    pub(crate) range: Range<usize>,
    /// Whether it covers more than exactly one segment, so that its value
    /// keeps its slashes and an encoded slash stays encoded.
    pub(crate) multiple: bool,
}

impl Template {
    /// Parses a template, or says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix('/').ok_or("it does not begin with `/`")?;
        let mut parser = Parser {
            rest,
            segments: Vec::new(),
            variables: Vec::new(),
        };
        if rest.is_empty() {
            return Ok(Self {
                segments: Vec::new(),
                verb: None,
                variables: Vec::new(),
            });
        }
        parser.segments(false)?;
        let verb = match parser.rest.strip_prefix(':') {
            Some(verb) => Some(literal(verb)?),
            None if parser.rest.is_empty() => None,
            None => return Err(format!("`{}` is not expected", parser.rest)),
        };
        let Parser {
            segments,
            variables,
            ..
        } = parser;
        let rests = segments
            .iter()
            .filter(|segment| **segment == Segment::Rest)
            .count();
        if rests > 1 || (rests == 1 && segments.last() != Some(&Segment::Rest)) {
            return Err("`**` is only possible as the last segment".into());
        }
        for (index, variable) in variables.iter().enumerate() {
            if variables[..index]
                .iter()
                .any(|other| other.path == variable.path)
            {
                return Err(format!("`{}` is bound twice", variable.path.join(".")));
            }
        }
        Ok(Self {
            segments,
            verb,
            variables,
        })
    }
}

struct Parser<'a> {
    rest: &'a str,
    segments: Vec<Segment>,
    variables: Vec<Variable>,
}

impl Parser<'_> {
    fn segments(&mut self, inside: bool) -> Result<(), String> {
        loop {
            self.segment(inside)?;
            match self.rest.strip_prefix('/') {
                Some(rest) => self.rest = rest,
                None => return Ok(()),
            }
        }
    }

    fn segment(&mut self, inside: bool) -> Result<(), String> {
        if let Some(rest) = self.rest.strip_prefix('{') {
            if inside {
                return Err("a variable stands inside another".into());
            }
            self.rest = rest;
            return self.variable();
        }
        if let Some(rest) = self.rest.strip_prefix("**") {
            self.rest = rest;
            self.segments.push(Segment::Rest);
        } else if let Some(rest) = self.rest.strip_prefix('*') {
            self.rest = rest;
            self.segments.push(Segment::One);
        } else {
            let end = self
                .rest
                .find(['/', ':', '{', '}', '*'])
                .unwrap_or(self.rest.len());
            self.segments
                .push(Segment::Literal(literal(&self.rest[..end])?));
            self.rest = &self.rest[end..];
        }
        match self.rest.bytes().next() {
            None | Some(b'/') => Ok(()),
            Some(b':') if !inside => Ok(()),
            Some(b'}') if inside => Ok(()),
            _ => Err(format!("`{}` is not expected", self.rest)),
        }
    }

    fn variable(&mut self) -> Result<(), String> {
        let end = self
            .rest
            .find(['=', '}'])
            .ok_or("a variable is not closed")?;
        let path: Vec<String> = self.rest[..end].split('.').map(str::to_owned).collect();
        if !path.iter().all(|name| is_identifier(name)) {
            return Err(format!("`{}` is no field path", &self.rest[..end]));
        }
        let from = self.segments.len();
        match self.rest[end..].strip_prefix('=') {
            Some(rest) => {
                self.rest = rest;
                self.segments(true)?;
            }
            None => {
                self.rest = &self.rest[end..];
                self.segments.push(Segment::One);
            }
        }
        self.rest = self
            .rest
            .strip_prefix('}')
            .ok_or("a variable is not closed")?;
        if !matches!(self.rest.bytes().next(), None | Some(b'/' | b':')) {
            return Err(format!("`{}` is not expected after a variable", self.rest));
        }
        let range = from..self.segments.len();
        let multiple = range.len() > 1 || self.segments[from] == Segment::Rest;
        self.variables.push(Variable {
            path,
            range,
            multiple,
        });
        Ok(())
    }
}

fn is_identifier(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn literal(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("a segment is empty".into());
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()+,=@%".contains(&byte);
    if !text.bytes().all(allowed) {
        return Err(format!("`{text}` holds characters a path cannot have"));
    }
    path::decode(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literals(text: &str) -> Segment {
        Segment::Literal(text.into())
    }

    #[test]
    fn tr_14_the_whole_grammar_is_read() {
        let simple = Template::parse("/api/v1/posts/{id}").unwrap();
        assert_eq!(
            simple.segments,
            [
                literals("api"),
                literals("v1"),
                literals("posts"),
                Segment::One
            ]
        );
        assert_eq!(
            simple.variables,
            [Variable {
                path: vec!["id".into()],
                range: 3..4,
                multiple: false
            }]
        );

        let deep = Template::parse("/v1/{a.b=shelves/*/books/**}:read").unwrap();
        assert_eq!(
            deep.segments[1..],
            [
                literals("shelves"),
                Segment::One,
                literals("books"),
                Segment::Rest
            ]
        );
        assert_eq!(deep.verb.as_deref(), Some("read"));
        let variable = Variable {
            path: vec!["a".into(), "b".into()],
            range: 1..5,
            multiple: true,
        };
        assert_eq!(deep.variables, [variable]);

        let rest = Template::parse("/{name=**}").unwrap();
        assert!(rest.variables[0].multiple && rest.segments == [Segment::Rest]);
        assert_eq!(Template::parse("/").unwrap().segments, []);
        assert_eq!(
            Template::parse("/a/*/b%20c").unwrap().segments[2],
            literals("b c")
        );
        assert!(!Template::parse("/{x=*}/{y}").unwrap().variables[0].multiple);
        let fixed = Template::parse("/{x=constant}").unwrap();
        assert_eq!(fixed.segments, [literals("constant")]);
    }

    #[test]
    fn tr_14_what_is_not_in_the_grammar_is_refused() {
        let wrong = [
            "",
            "v1",
            "/v1//x",
            "/v1/",
            "/{a",
            "/{a}b",
            "/a{b}",
            "/{}",
            "/{1a}",
            "/{a=}",
            "/{a={b}}",
            "/**/x",
            "/{a=**}/x",
            "/{a}/{a}",
            "/a:",
            "/a:b:c",
            "/a:b/c",
            "/a*",
            "/***",
            "/a b",
            "/a?b",
            "/{a.}",
            "/%zz",
            "/{a=x:y}",
        ];
        for template in wrong {
            assert!(
                Template::parse(template).is_err(),
                "{template} was accepted"
            );
        }
    }
}
