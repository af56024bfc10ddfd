//! The OpenAPI document as a judge: whether a reply is one that is documented for its route.

use http::Method;
use serde_json::{Map, Value, json};

use crate::{Client, Reply};

/// The document a door serves.
#[derive(Debug)]
pub struct Document(Value);

/// One documented route.
#[derive(Debug, Clone, Copy)]
pub struct Operation<'d> {
    /// The method in capitals.
    pub method: &'d str,
    /// The path with its variables in braces.
    pub path: &'d str,
    /// What is documented of it.
    pub value: &'d Value,
}

impl Operation<'_> {
    /// Its `operationId`.
    #[must_use]
    pub fn id(&self) -> &str {
        self.value["operationId"].as_str().unwrap_or_default()
    }

    /// Its method.
    ///
    /// # Panics
    /// When it is none of HTTP.
    #[must_use]
    pub fn verb(&self) -> Method {
        self.method.parse().expect("a method")
    }

    /// A parameter by its name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&Value> {
        let all = self.value["parameters"].as_array()?;
        all.iter().find(|one| one["name"] == name)
    }

    /// Whether it answers without a token: some way of being secured is none.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.security()
            .is_none_or(|ways| ways.iter().any(|way| *way == json!({})))
    }

    /// Whether it looks at tokens.
    #[must_use]
    pub fn reads_tokens(&self) -> bool {
        self.security().is_some()
    }

    fn security(&self) -> Option<&Vec<Value>> {
        let ways = self.value["security"].as_array();
        ways.filter(|ways| !ways.is_empty())
    }
}

impl Document {
    /// Asks a door for it.
    pub async fn of(client: &Client) -> Self {
        Self(client.get("/api/docs/openapi.json").await.json())
    }

    /// Every route of it.
    ///
    /// # Panics
    /// When it has none.
    #[must_use]
    pub fn operations(&self) -> Vec<Operation<'_>> {
        const METHODS: [(&str, &str); 5] = [
            ("get", "GET"),
            ("post", "POST"),
            ("put", "PUT"),
            ("patch", "PATCH"),
            ("delete", "DELETE"),
        ];
        let paths = self.0["paths"].as_object().expect("a document with paths");
        let all = paths.iter().flat_map(|(path, operations)| {
            METHODS.iter().filter_map(move |(name, method)| {
                operations.get(name).map(|value| Operation {
                    method,
                    path,
                    value,
                })
            })
        });
        all.collect()
    }

    /// What is wrong with a reply of a route, by JSON path; nothing if it is as documented. More than the document says is
    /// held against it too: a property nobody documented, a time that is not in UTC with milliseconds, an id that is no
    /// lower-case UUID (CV-8).
    #[must_use]
    pub fn objections(&self, operation: Operation<'_>, reply: &Reply) -> Vec<String> {
        let documented = &operation.value["responses"][reply.status.as_str()];
        if documented.is_null() {
            return vec![format!("{} is not documented", reply.status)];
        }
        let content = &self.resolved(documented)["content"];
        let given = reply.header("content-type").unwrap_or_default();
        let given = given.split(';').next().unwrap_or_default();
        let media = content.get(given).or_else(|| content.get("*/*"));
        let Some(schema) = media.map(|media| &media["schema"]) else {
            return vec![format!("{given} is not documented")];
        };
        if schema["format"] == "binary" || given != "application/json" {
            return Vec::new();
        }
        let mut wrong = Vec::new();
        self.check(schema, &reply.json(), "$", &mut wrong);
        wrong
    }

    fn resolved<'v>(&'v self, schema: &'v Value) -> &'v Value {
        let target = schema["$ref"].as_str().and_then(|to| to.strip_prefix('#'));
        target.map_or(schema, |pointer| {
            self.0.pointer(pointer).unwrap_or(&Value::Null)
        })
    }

    /// A schema without references at its top; the parts of `allOf` become one.
    fn whole(&self, schema: &Value) -> Map<String, Value> {
        let schema = self.resolved(schema);
        let mut whole = schema.as_object().cloned().unwrap_or_default();
        for part in schema["allOf"].as_array().into_iter().flatten() {
            merge(&mut whole, self.whole(part));
        }
        whole
    }

    fn check(&self, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
        let schema = self.whole(schema);
        let get = |name: &str| schema.get(name).unwrap_or(&Value::Null);
        if value.is_null() && *get("nullable") == true {
            return;
        }
        if let Some(any) = get("anyOf").as_array() {
            let tries = any.iter().map(|one| {
                let mut wrong = Vec::new();
                self.check(one, value, at, &mut wrong);
                wrong
            });
            // What the first one says is the most telling: the others are null and texts.
            let tries: Vec<Vec<String>> = tries.collect();
            if tries.iter().all(|wrong| !wrong.is_empty()) {
                wrong.extend(tries.into_iter().next().unwrap_or_default());
            }
            return;
        }
        if let Some(words) = get("enum").as_array()
            && !words.contains(value)
        {
            wrong.push(format!("{at}: {value} is none of {words:?}"));
        }
        let fits = match get("type").as_str() {
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some("string") => value.is_string(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("number") => value.is_number(),
            Some("boolean") => value.is_boolean(),
            _ => true,
        };
        if !fits {
            wrong.push(format!("{at}: {value} is no {}", get("type")));
            return;
        }
        if *get("format") == "date-time" && !is_timestamp(value.as_str().unwrap_or_default()) {
            wrong.push(format!("{at}: {value} is no time of the API"));
        }
        for (nth, item) in value.as_array().into_iter().flatten().enumerate() {
            self.check(get("items"), item, &format!("{at}[{nth}]"), wrong);
        }
        if let Some(properties) = get("properties").as_object() {
            self.members(&schema, properties, value, at, wrong);
        }
    }

    fn members(
        &self,
        schema: &Map<String, Value>,
        properties: &Map<String, Value>,
        value: &Value,
        at: &str,
        wrong: &mut Vec<String>,
    ) {
        let required = schema.get("required").and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            if value.get(name).is_none() {
                wrong.push(format!("{at}.{name} is missing"));
            }
        }
        let open = schema.get("additionalProperties") == Some(&Value::Bool(true));
        for (name, member) in value.as_object().into_iter().flatten() {
            let at = format!("{at}.{name}");
            match properties.get(name) {
                Some(property) => self.check(property, member, &at, wrong),
                None if open => {}
                None => wrong.push(format!("{at} is not documented")),
            }
            let names_something = name == "id" || name.ends_with("Id");
            if let Some(id) = member.as_str()
                && names_something
                && name != "requestId"
                && !is_id(id)
            {
                wrong.push(format!("{at}: {id:?} is no lower-case UUID"));
            }
        }
    }
}

/// Adds a part of an `allOf` to what the others say.
fn merge(whole: &mut Map<String, Value>, part: Map<String, Value>) {
    for (name, value) in part {
        match (whole.get_mut(&name), value) {
            (Some(Value::Object(known)), Value::Object(more)) => merge(known, more),
            (Some(Value::Array(known)), Value::Array(more)) if name == "required" => {
                known.extend(more);
            }
            (Some(known), value) => *known = value,
            (None, value) => {
                whole.insert(name, value);
            }
        }
    }
}

/// RFC 3339 in UTC with milliseconds.
fn is_timestamp(text: &str) -> bool {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00.000Z";
    text.len() == SHAPE.len()
        && text.bytes().zip(SHAPE).all(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            other => byte == *other,
        })
}

fn is_id(text: &str) -> bool {
    uuid::Uuid::try_parse(text).is_ok_and(|id| id.to_string() == text)
}
