//! What an operation answers: its success, and every failure by status with
//! the codes that apply.

use std::collections::BTreeMap;

use contracts::{Access, Cache};
use fault::Reason;
use prost_reflect::Kind;
use serde_json::{Map, Value, json};

use super::contract::{Binding, Rpc};
use super::fields::Side;
use super::schemas::{Schemas, reference};

/// The responses of one route; failures become shared components.
pub(super) fn all(
    schemas: &mut Schemas<'_>,
    shared: &mut Map<String, Value>,
    rpc: &Rpc,
    binding: &Binding,
) -> Value {
    let mut all = Map::new();
    let success = success(schemas, rpc, binding);
    // A create that finds the thing there says so by 200 (TR-17).
    if rpc.rule.status == 201 && rpc.comment.contains("200") {
        let mut existing = success.clone();
        existing["description"] = "Nothing new was made.".into();
        all.insert("200".to_owned(), existing);
    }
    all.insert(rpc.rule.status.to_string(), success);
    if binding.verb == "get" && tagged(rpc, binding) {
        all.insert("304".to_owned(), same());
    }
    for (status, reasons) in failures(rpc, binding) {
        all.insert(status.to_string(), failure(shared, &reasons));
    }
    all.into()
}

/// The reply of a read whose reader has the newest.
pub(super) fn same() -> Value {
    json!({"description": "Unchanged: `If-None-Match` names the ETag of this reply. There is no body."})
}

fn success(schemas: &mut Schemas<'_>, rpc: &Rpc, binding: &Binding) -> Value {
    let description = match rpc.rule.status {
        201 => "Made.",
        202 => "Accepted; it happens later.",
        _ => "Done.",
    };
    let mut headers = json!({"X-Request-Id": {"schema": {"type": "string"}, "description": "The id of the request."}});
    if tagged(rpc, binding) {
        headers["ETag"] = json!({"schema": {"type": "string"}, "description":
            "The version of a single resource, 0 for anything else, and a hash of what the reply says."});
    }
    if rpc.rule.idempotency.is_some() {
        headers["Idempotency-Replayed"] = json!({"schema": {"type": "string", "enum": ["true"]}, "description":
            "The reply is that of an earlier request with the same `Idempotency-Key`."});
    }
    if rpc.rule.streaming {
        return stream(schemas, rpc, &headers);
    }
    // Raw replies bring their own content type and have no envelope (TR-13).
    let content = if rpc.output.full_name() == "google.api.HttpBody" {
        json!({"*/*": {"schema": {"type": "string", "format": "binary"}}})
    } else {
        json!({"application/json": {"schema": envelope(schemas, rpc)}})
    };
    json!({"description": description, "headers": headers, "content": content})
}

/// Whether replies have an `ETag` (CQ-1).
fn tagged(rpc: &Rpc, binding: &Binding) -> bool {
    if rpc.rule.streaming {
        return false;
    }
    let versioned = rpc.output.get_field_by_name("version").is_some();
    match binding.verb.as_str() {
        "get" => rpc.rule.cache != Cache::NoStore,
        "put" | "patch" => versioned,
        _ => versioned && rpc.rule.status == 201,
    }
}

/// A stream: its items bare, in the form `Accept` names (ST-1, ST-2).
fn stream(schemas: &mut Schemas<'_>, rpc: &Rpc, headers: &Value) -> Value {
    let item = schemas.message(&rpc.output, Side::Reply);
    let description = "A stream of items without envelope, in the form `Accept` names. `text/event-stream`: one event \
        for each item, `id` its cursor and `data` the item. `application/x-ndjson`: one item on each line, empty lines in \
        between. `application/json`: an array that ends after `maxItems` or `waitSeconds`. A failure after the first item \
        comes as the event `error`, or as the last line or element, in the form of every failure; then the connection ends.";
    json!({"description": description, "headers": headers, "content": {
        "text/event-stream": {"schema": item},
        "application/x-ndjson": {"schema": item},
        "application/json": {"schema": {"type": "array", "items": item}},
    }})
}

/// `{success, data, meta}`; a list has `pagination` beside them and its further
/// facts in `meta` (CV-1, CV-5, TR-12).
fn envelope(schemas: &mut Schemas<'_>, rpc: &Rpc) -> Value {
    let mut properties = Map::new();
    properties.insert(
        "success".to_owned(),
        json!({"type": "boolean", "enum": [true]}),
    );
    let items = rpc
        .output
        .get_field_by_name("items")
        .filter(|items| items.is_list());
    if let Some(items) = items {
        let one = match items.kind() {
            Kind::Message(message) => schemas.message(&message, Side::Reply),
            _ => schemas.field(&items, Side::Reply)["items"].clone(),
        };
        properties.insert("data".to_owned(), json!({"type": "array", "items": one}));
        if let Some(Kind::Message(page)) = rpc
            .output
            .get_field_by_name("pagination")
            .map(|field| field.kind())
        {
            properties.insert("pagination".to_owned(), schemas.message(&page, Side::Reply));
        }
        properties.insert("meta".to_owned(), schemas.list_meta(&rpc.output));
    } else {
        properties.insert("data".to_owned(), schemas.message(&rpc.output, Side::Reply));
        properties.insert("meta".to_owned(), reference("Meta"));
    }
    let required: Vec<String> = properties.keys().cloned().collect();
    json!({"type": "object", "properties": properties, "required": required})
}

/// The codes a route can fail with, by status: those every route has, those of
/// its access class and shape, and those its comment names.
fn failures(rpc: &Rpc, binding: &Binding) -> BTreeMap<u16, Vec<Reason>> {
    use Reason as R;
    let mut reasons = vec![
        R::ValidationError,
        R::NotAcceptable,
        R::RequestTimeout,
        R::UriTooLong,
        R::RateLimitExceeded,
        R::HeadersTooLarge,
        R::InternalError,
        R::ServiceUnavailable,
        R::GatewayTimeout,
    ];
    if binding.body {
        reasons.extend([R::PayloadTooLarge, R::UnsupportedMediaType]);
    }
    if matches!(
        rpc.rule.access,
        Access::Optional | Access::User | Access::Staff
    ) {
        reasons.extend([
            R::Unauthorized,
            R::TokenExpired,
            R::TokenRevoked,
            R::AccountDisabled,
        ]);
    }
    if rpc.rule.access == Access::Staff {
        reasons.push(R::Forbidden);
    }
    if binding.variables().next().is_some() {
        reasons.push(R::NotFound);
    }
    if binding.is_change() {
        reasons.push(R::PreconditionFailed);
    }
    if rpc.rule.idempotency.is_some() {
        reasons.extend([R::IdempotencyInProgress, R::IdempotencyKeyReused]);
    }
    let words = rpc
        .comment
        .split(|letter: char| !letter.is_ascii_uppercase() && letter != '_');
    reasons.extend(words.filter_map(Reason::from_code));

    let mut by_status: BTreeMap<u16, Vec<Reason>> = BTreeMap::new();
    for reason in reasons {
        let same = by_status.entry(reason.http()).or_default();
        if !same.contains(&reason) {
            same.push(reason);
        }
    }
    by_status
}

/// A reference to the component of exactly these codes.
fn failure(shared: &mut Map<String, Value>, reasons: &[Reason]) -> Value {
    let codes: Vec<&str> = reasons.iter().map(|reason| reason.code()).collect();
    let name = codes.join(".");
    if !shared.contains_key(&name) {
        let told: Vec<String> = reasons
            .iter()
            .map(|reason| {
                format!(
                    "`{}`: {}.",
                    reason.code(),
                    reason.sentence().trim_end_matches('.')
                )
            })
            .collect();
        let schema = json!({"allOf": [
            reference("Failure"),
            {"type": "object", "properties": {"error": {"type": "object", "properties": {"code": {"type": "string", "enum": codes}}}}},
        ]});
        let mut response = json!({"description": told.join(" "), "content": {"application/json": {"schema": schema}}});
        if reasons
            .iter()
            .any(|reason| matches!(reason.http(), 429 | 503))
        {
            response["headers"] = json!({"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}});
        }
        shared.insert(name.clone(), response);
    }
    json!({"$ref": format!("#/components/responses/{name}")})
}
