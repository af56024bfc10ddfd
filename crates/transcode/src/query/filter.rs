//! Plain filter parameters folded into the `filter` field (K-2, FL-2).

use serde_json::{Map, Value};

use super::{Parameter, Target};
use crate::json::escape;
use crate::json::read::Reader;
use crate::route::{Filter, FilterKind, Route};
use crate::schema::{Kind, Schema, Shape, folded};

/// The request field that takes the filter as JSON text.
const FILTER: &str = "filter";

/// Moves the parameters that are filter names into the `filter` parameter.
/// A name given both ways must say the same.
pub(super) fn fold(
    reader: &mut Reader<'_>,
    schema: &Schema,
    route: &Route,
    parameters: &mut Vec<Parameter>,
) {
    let plain: Vec<Parameter> = parameters
        .extract_if(.., |each| matches!(each.target, Target::Filter(_)))
        .collect();
    let Some(index) = field(schema, route).filter(|_| !plain.is_empty()) else {
        return;
    };
    let target = Target::Field(vec![index]);
    let given = parameters.iter_mut().find(|each| each.target == target);
    let text = match given.as_ref().map(|given| &given.values[..]) {
        None => "{}",
        Some([one]) if one.is_empty() => "{}",
        Some([one]) => one.trim(),
        // Where fields are written, a repeated `filter` is refused.
        Some(_) => return,
    };
    let Ok(Value::Object(explicit)) = serde_json::from_str(text) else {
        reader.note_at(FILTER, "must be a JSON object");
        return;
    };
    let text = with_members(reader, route, text, &explicit, &plain);
    match given {
        Some(given) => given.values = vec![text],
        None => parameters.push(Parameter {
            target,
            name: FILTER.into(),
            values: vec![text],
        }),
    }
}

// The index of the request's filter field.
fn field(schema: &Schema, route: &Route) -> Option<u16> {
    let fields = &schema.at(route.input_id).fields;
    let found = fields.iter().position(|field| {
        &*field.proto_name == FILTER && field.kind == Kind::String && field.shape == Shape::Singular
    });
    found.map(|index| index as u16)
}

// The explicit filter, verbatim, with the plain ones as further members.
fn with_members(
    reader: &mut Reader<'_>,
    route: &Route,
    explicit_text: &str,
    explicit: &Map<String, Value>,
    plain: &[Parameter],
) -> String {
    let mut text = explicit_text
        .strip_suffix('}')
        .unwrap_or_default()
        .to_owned();
    let mut first = explicit.is_empty();
    for each in plain {
        let Target::Filter(index) = each.target else {
            continue;
        };
        let filter = &route.filters[index];
        let Some(value) = value(reader, filter, each) else {
            continue;
        };
        if let Some(other) = explicit.get(&filter.name) {
            if !same(filter.kind, other, &value) {
                reader.note_at(&filter.name, "differs from the value in filter");
            }
            continue;
        }
        if !std::mem::take(&mut first) {
            text.push(',');
        }
        text.push_str(&Value::from(filter.name.as_str()).to_string());
        text.push(':');
        text.push_str(&value);
    }
    text.push('}');
    text
}

// The JSON of a parameter's values: one, or a list of alternatives.
fn value(reader: &mut Reader<'_>, filter: &Filter, parameter: &Parameter) -> Option<String> {
    let values: Vec<&str> = match &parameter.values[..] {
        [one] if filter.kind != FilterKind::Text => one.split(',').collect(),
        all => all.iter().map(String::as_str).collect(),
    };
    let mut texts = Vec::with_capacity(values.len());
    for value in values {
        match (filter.kind, value) {
            (FilterKind::Bool, "true" | "false") => texts.push(value.to_owned()),
            (FilterKind::Bool, _) => {
                reader.note_at(&parameter.name, "must be true or false");
                return None;
            }
            (FilterKind::Number, _) => match serde_json::from_str::<serde_json::Number>(value) {
                Ok(_) if value.trim() == value => texts.push(value.to_owned()),
                _ => {
                    reader.note_at(&parameter.name, "must be a number");
                    return None;
                }
            },
            _ => {
                let mut text = Vec::new();
                escape::string(&mut text, value);
                texts.push(String::from_utf8(text).ok()?);
            }
        }
    }
    Some(if let [one] = &texts[..] {
        one.clone()
    } else {
        format!("[{}]", texts.join(","))
    })
}

fn same(kind: FilterKind, explicit: &Value, plain: &str) -> bool {
    let plain = serde_json::from_str(plain)
        .ok()
        .and_then(|value| alternatives(kind, &value));
    plain.is_some() && plain == alternatives(kind, explicit)
}

// The values a filter names, sorted; none for operators other than eq and in.
fn alternatives(kind: FilterKind, value: &Value) -> Option<Vec<String>> {
    let mut found = match value {
        Value::Array(values) => values
            .iter()
            .map(|value| text(kind, value))
            .collect::<Option<Vec<_>>>()?,
        Value::Object(operators) => {
            let mut operators = operators.iter();
            return match (operators.next(), operators.next()) {
                (Some((name, value)), None) if name == "eq" || name == "in" => {
                    alternatives(kind, value)
                }
                _ => None,
            };
        }
        // One comma list means the same as several values (FL-6).
        Value::String(list) if kind != FilterKind::Text => list
            .split(',')
            .map(|value| text(kind, &Value::from(value.trim())))
            .collect::<Option<Vec<_>>>()?,
        scalar => vec![text(kind, scalar)?],
    };
    found.sort();
    found.dedup();
    Some(found)
}

fn text(kind: FilterKind, value: &Value) -> Option<String> {
    match value {
        Value::String(text) if kind == FilterKind::Word => Some(folded(text)),
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}
