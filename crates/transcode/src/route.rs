//! Routes: what google.api.http and our RPC option say about each RPC, checked
//! against its messages once, at the start.

use std::ops::Range;

use prost_reflect::{DynamicMessage, MethodDescriptor, Value};

use crate::error::BuildError;
use crate::schema::{Kind, Message, Schema, Shape, Special, choice, flag, option_of};
use crate::template::{Segment, Template};

const HTTP_OPTION: &str = "google.api.http";
const RPC_OPTION: &str = "smilefactory.api.v1.rpc";
const RAW_REPLY: &str = "google.api.HttpBody";

/// One binding of an RPC to a method and a path.
#[derive(Debug)]
#[non_exhaustive]
pub struct Route {
    /// The HTTP method, or `*` for every method no other binding of the path takes.
    pub method: String,
    /// The path template as written, such as `/api/v1/posts/{id}`.
    pub template: String,
    /// The gRPC path, `/package.Service/Method`.
    pub rpc: String,
    /// The full name of the request message.
    pub input: String,
    /// The full name of the reply message.
    pub output: String,
    /// Whether the route came from `additional_bindings` (TR-20).
    pub additional: bool,
    /// Whether the reply is a stream of messages, each printed by
    /// [`Items::print`](crate::Items::print) (ST-1).
    pub streaming: bool,
    pub(crate) input_id: u32,
    pub(crate) output_id: u32,
    pub(crate) variables: Vec<Bound>,
    pub(crate) body: Body,
    pub(crate) shape: ReplyShape,
    pub(crate) filters: Vec<Filter>,
}

impl Route {
    /// Whether the HTTP body is looked at: not that of a GET or DELETE unless the contract reads it (TR-20).
    #[must_use]
    pub fn reads_body(&self) -> bool {
        self.body != Body::Ignored
    }
}

/// A path variable bound to a request field.
#[derive(Debug)]
pub(crate) struct Bound {
    /// Field indexes from the request message down.
    pub(crate) path: Vec<u16>,
    /// The JSON path, for violations.
    pub(crate) name: String,
    /// The path segments it covers; open-ended for `**`.
    pub(crate) range: Range<usize>,
    /// Whether the value keeps its slashes.
    pub(crate) multiple: bool,
}

/// Where the HTTP body goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// Nowhere and it is not looked at (GET and DELETE, TR-20).
    Ignored,
    /// Nowhere, and it may say nothing.
    Empty,
    /// Into the whole request message.
    Whole,
    /// Into this field.
    Field(u16),
}

/// How a reply becomes an HTTP body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReplyShape {
    /// The message is `data`.
    Plain,
    /// The message is a `google.api.HttpBody` (TR-13).
    Raw,
    /// `items` is `data`, the rest is lifted (TR-12).
    List {
        /// The index of `items`.
        items: u16,
        /// The index of `pagination`.
        pagination: Option<u16>,
        /// The index of `groups`.
        groups: Option<u16>,
    },
    /// One field of the message is `data`, or the raw body.
    Field {
        /// The field's index.
        index: u16,
        /// Whether it is a `google.api.HttpBody`.
        raw: bool,
    },
}

/// A filter name of a list RPC (K-2).
#[derive(Debug)]
pub(crate) struct Filter {
    /// The camelCase name.
    pub(crate) name: String,
    /// What its values are.
    pub(crate) kind: FilterKind,
}

/// What a filter's values are, as far as writing them as JSON is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FilterKind {
    /// Text that may hold commas.
    Text,
    /// One of a closed set, compared like an enum word.
    Word,
    /// Text without commas: ids, tags, timestamps.
    Item,
    /// true or false.
    Bool,
    /// An integer or decimal number.
    Number,
}

/// Reads the routes of every service, with their templates beside them.
pub(crate) fn all(schema: &Schema) -> Result<(Vec<Route>, Vec<Template>), BuildError> {
    let mut routes = Vec::new();
    let mut templates = Vec::new();
    for service in schema.pool.services() {
        for method in service.methods() {
            let Some(rule) = option_of(&schema.pool, HTTP_OPTION, &method.options()) else {
                continue;
            };
            let rpc = format!("/{}/{}", service.full_name(), method.name());
            let rules = Rules {
                schema,
                method: &method,
                rpc: &rpc,
            };
            if method.is_client_streaming() {
                return Err(rules.wrong("a client-streaming RPC cannot have an http rule"));
            }
            let mut add = |rule: &DynamicMessage, additional: bool| {
                let (route, template) = rules.route(rule, additional)?;
                routes.push(route);
                templates.push(template);
                Ok::<(), BuildError>(())
            };
            add(&rule, false)?;
            if let Some(further) = rule.get_field_by_name("additional_bindings") {
                for each in further
                    .as_list()
                    .unwrap_or_default()
                    .iter()
                    .filter_map(Value::as_message)
                {
                    add(each, true)?;
                }
            }
        }
    }
    Ok((routes, templates))
}

struct Rules<'a> {
    schema: &'a Schema,
    method: &'a MethodDescriptor,
    rpc: &'a str,
}

impl Rules<'_> {
    fn wrong(&self, reason: impl Into<String>) -> BuildError {
        BuildError::Binding {
            rpc: self.rpc.to_owned(),
            reason: reason.into(),
        }
    }

    fn message(&self, name: &str) -> Result<&Message, BuildError> {
        self.schema
            .find(name)
            .ok_or_else(|| self.wrong(format!("`{name}` is unknown")))
    }

    fn route(
        &self,
        rule: &DynamicMessage,
        additional: bool,
    ) -> Result<(Route, Template), BuildError> {
        let (method, text) =
            pattern(rule).ok_or_else(|| self.wrong("an http rule has no pattern"))?;
        let template = Template::parse(&text).map_err(|reason| BuildError::Template {
            rpc: self.rpc.to_owned(),
            template: text.clone(),
            reason,
        })?;
        let input = self.message(self.method.input().full_name())?;
        let output = self.message(self.method.output().full_name())?;
        let option = option_of(&self.schema.pool, RPC_OPTION, &self.method.options());
        let route = Route {
            variables: self.variables(&template, input)?,
            body: self.body(rule, &method, input, flag(option.as_ref(), "reads_body"))?,
            shape: self.shape(rule, output)?,
            filters: filters(option.as_ref()),
            method,
            template: text,
            rpc: self.rpc.to_owned(),
            input: self.method.input().full_name().to_owned(),
            output: self.method.output().full_name().to_owned(),
            additional,
            streaming: self.method.is_server_streaming(),
            input_id: input.id,
            output_id: output.id,
        };
        Ok((route, template))
    }

    fn variables(&self, template: &Template, input: &Message) -> Result<Vec<Bound>, BuildError> {
        template
            .variables
            .iter()
            .map(|variable| {
                let dotted = variable.path.join(".");
                let refuse = |why: &str| self.wrong(format!("path variable `{dotted}` {why}"));
                let mut message = input;
                let mut path = Vec::new();
                let mut names: Vec<&str> = Vec::new();
                for (level, name) in variable.path.iter().enumerate() {
                    let index = message
                        .by_proto_name(name)
                        .ok_or_else(|| refuse("names no field"))?;
                    let field = &message.fields[index];
                    if field.shape != Shape::Singular {
                        return Err(refuse("names a repeated field"));
                    }
                    path.push(index as u16);
                    names.push(&field.json_name);
                    let last = level + 1 == variable.path.len();
                    match field.kind {
                        Kind::Message(id) if !last => message = self.schema.at(id),
                        Kind::Message(id) if !is_text(self.schema.at(id)) => {
                            return Err(refuse("names a message"));
                        }
                        _ if !last => {
                            return Err(refuse("goes through a field that is no message"));
                        }
                        _ => {}
                    }
                }
                let open = template.segments[variable.range.clone()].last() == Some(&Segment::Rest);
                let end = if open { usize::MAX } else { variable.range.end };
                Ok(Bound {
                    path,
                    name: names.join("."),
                    range: variable.range.start..end,
                    multiple: variable.multiple,
                })
            })
            .collect()
    }

    fn body(
        &self,
        rule: &DynamicMessage,
        method: &str,
        input: &Message,
        reads: bool,
    ) -> Result<Body, BuildError> {
        let named = text(rule, "body");
        match named.as_str() {
            "*" => Ok(Body::Whole),
            "" if matches!(method, "GET" | "HEAD") => Ok(Body::Ignored),
            "" if method == "DELETE" => Ok(if reads { Body::Whole } else { Body::Ignored }),
            "" => Ok(Body::Empty),
            name => {
                let index = input
                    .by_proto_name(name)
                    .ok_or_else(|| self.wrong(format!("body `{name}` is no field")))?;
                Ok(Body::Field(index as u16))
            }
        }
    }

    fn shape(&self, rule: &DynamicMessage, output: &Message) -> Result<ReplyShape, BuildError> {
        let named = text(rule, "response_body");
        if self.method.is_server_streaming() {
            // The items of a stream are bare messages (ST-2).
            return if !named.is_empty() {
                Err(self.wrong("a streamed reply has no response_body"))
            } else if output.descriptor.full_name() == RAW_REPLY {
                Err(self.wrong("a streamed reply cannot be a google.api.HttpBody"))
            } else {
                Ok(ReplyShape::Plain)
            };
        }
        if !named.is_empty() {
            let missing = || self.wrong(format!("response_body `{named}` is no field"));
            let index = output.by_proto_name(&named).ok_or_else(missing)?;
            let field = &output.fields[index];
            let raw = field.shape == Shape::Singular && self.is_raw(field.kind);
            return Ok(ReplyShape::Field {
                index: index as u16,
                raw,
            });
        }
        if output.descriptor.full_name() == RAW_REPLY {
            return Ok(ReplyShape::Raw);
        }
        let find = |name: &str| output.by_proto_name(name).map(|index| index as u16);
        Ok(
            match find("items").filter(|&index| output.fields[usize::from(index)].is_repeated()) {
                Some(items) => ReplyShape::List {
                    items,
                    pagination: find("pagination"),
                    groups: find("groups"),
                },
                None => ReplyShape::Plain,
            },
        )
    }

    fn is_raw(&self, kind: Kind) -> bool {
        matches!(kind, Kind::Message(id) if self.schema.at(id).descriptor.full_name() == RAW_REPLY)
    }
}

/// Whether a message is written as one text, number or boolean.
pub(crate) fn is_text(message: &Message) -> bool {
    matches!(
        message.special,
        Special::Timestamp | Special::Duration | Special::FieldMask | Special::Wrapper
    )
}

fn pattern(rule: &DynamicMessage) -> Option<(String, String)> {
    for method in ["get", "put", "post", "delete", "patch"] {
        let path = text(rule, method);
        if !path.is_empty() {
            return Some((method.to_uppercase(), path));
        }
    }
    let custom = rule.get_field_by_name("custom")?;
    let custom = custom.as_message()?;
    Some((text(custom, "kind"), text(custom, "path")))
        .filter(|(kind, path)| !kind.is_empty() && !path.is_empty())
}

fn text(message: &DynamicMessage, name: &str) -> String {
    message
        .get_field_by_name(name)
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn filters(option: Option<&DynamicMessage>) -> Vec<Filter> {
    let Some(list) = option.and_then(|option| option.get_field_by_name("list")) else {
        return Vec::new();
    };
    let Some(filters) = list
        .as_message()
        .and_then(|list| list.get_field_by_name("filters"))
    else {
        return Vec::new();
    };
    let filters = filters
        .as_list()
        .unwrap_or_default()
        .iter()
        .filter_map(Value::as_message);
    filters
        .map(|filter| Filter {
            name: text(filter, "name"),
            kind: match choice(Some(filter), "kind") {
                2 => FilterKind::Word,
                3 | 6 | 7 => FilterKind::Item,
                4 => FilterKind::Bool,
                5 | 8 => FilterKind::Number,
                _ => FilterKind::Text,
            },
        })
        .collect()
}
