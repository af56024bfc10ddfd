//! The endpoints the edge answers itself; they have no contract to derive from.

use serde_json::{Map, Value, json};

use super::{parameters, replies, schemas::reference};

/// The tag they have.
pub(super) const TAG: &str = "edge";

/// Path, id, what it does, its 200, and what else it answers.
struct Endpoint {
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    description: &'static str,
    reply: Reply,
    /// When it answers 503.
    unavailable: Option<&'static str>,
}

/// What an endpoint answers with 200.
enum Reply {
    /// The envelope with this `data`.
    Data(Value),
    /// A body of its own.
    Raw(&'static str),
}

fn endpoints() -> [Endpoint; 5] {
    let status = |words: &[&str]| json!({"type": "string", "enum": words});
    let one = |words: &[&str]| json!({"type": "object", "required": ["status"], "properties": {"status": status(words)}});
    let health = ["ok", "degraded", "down"];
    let service = json!({
        "type": "object",
        "required": ["name", "status"],
        "properties": {"name": {"type": "string"}, "status": status(&health)},
    });
    [
        Endpoint {
            path: "/health",
            id: "health",
            summary: "Tells how every service fares",
            description: "Tells how every service fares. The answer is at most 10 seconds old.",
            reply: Reply::Data(json!({
                "type": "object",
                "required": ["services", "status"],
                "properties": {"status": status(&health), "services": {"type": "array", "items": service}},
            })),
            unavailable: Some("A service that is needed is down."),
        },
        Endpoint {
            path: "/livez",
            id: "live",
            summary: "Tells that the process lives",
            description: "Tells that the process lives.",
            reply: Reply::Data(one(&["ok"])),
            unavailable: None,
        },
        Endpoint {
            path: "/readyz",
            id: "ready",
            summary: "Tells whether requests should be sent here",
            description: "Tells whether requests should be sent here.",
            reply: Reply::Data(one(&["ok"])),
            unavailable: Some("It is starting or draining."),
        },
        Endpoint {
            path: "/api/docs",
            id: "docs",
            summary: "Shows this document as a page",
            description: "Shows this document as a page to read and try.",
            reply: Reply::Raw("text/html"),
            unavailable: None,
        },
        Endpoint {
            path: "/api/docs/openapi.json",
            id: "openApi",
            summary: "Returns this document",
            description: "Returns this document.",
            reply: Reply::Raw("application/json"),
            unavailable: None,
        },
    ]
}

/// Adds them to `paths`.
pub(super) fn add(paths: &mut Map<String, Value>) {
    for endpoint in endpoints() {
        let content = match &endpoint.reply {
            Reply::Data(data) => json!({"application/json": {"schema": {
                "type": "object",
                "required": ["data", "meta", "success"],
                "properties": {
                    "success": {"type": "boolean", "enum": [true]},
                    "data": data,
                    "meta": reference("Meta"),
                },
            }}}),
            Reply::Raw("text/html") => json!({"text/html": {"schema": {"type": "string"}}}),
            Reply::Raw(kind) => json!({*kind: {"schema": {"type": "object"}}}),
        };
        let mut responses = json!({"200": {"description": "Done.", "content": content}});
        if let Some(description) = endpoint.unavailable {
            let content = json!({"application/json": {"schema": reference("Failure")}});
            responses["503"] = json!({"description": description, "content": content});
        }
        let mut parameters = Vec::new();
        if matches!(endpoint.reply, Reply::Raw(_)) {
            parameters.push(parameters::unless_same());
            responses["304"] = replies::same();
        }
        let operation = json!({
            "operationId": endpoint.id,
            "tags": [TAG],
            "summary": endpoint.summary,
            "description": endpoint.description,
            "security": [],
            "parameters": parameters,
            "responses": responses,
        });
        paths.insert(endpoint.path.to_owned(), json!({"get": operation}));
    }
}
