//! The operations: one per route.

use std::collections::{BTreeMap, BTreeSet};

use contracts::Access;
use serde_json::{Map, Value, json};

use super::contract::{Binding, Contract, Rpc};
use super::schemas::Schemas;
use super::{parameters, replies};

/// Adds every route of every RPC to `paths`, and the failures they share to `responses`.
pub(super) fn add(
    contract: &Contract,
    schemas: &mut Schemas<'_>,
    responses: &mut Map<String, Value>,
    paths: &mut Map<String, Value>,
) {
    let rpcs = contract.rpcs();
    let mut ids = Ids::new(&rpcs);
    for rpc in &rpcs {
        for (index, binding) in rpc.routes.iter().enumerate() {
            let main = rpc.routes.first().filter(|_| index > 0);
            let mut operation = json!({
                "operationId": ids.next(rpc, binding, main.is_none()),
                "tags": [rpc.domain],
                "summary": summary(&rpc.comment),
                "description": description(rpc, main),
                "security": security(rpc.rule.access),
                "responses": replies::all(schemas, responses, rpc, binding),
            });
            let parameters = parameters::all(contract, schemas, rpc, binding);
            if !parameters.is_empty() {
                operation["parameters"] = parameters.into();
            }
            if let Some(body) = body(schemas, rpc, binding) {
                operation["requestBody"] = body;
            }
            let item = paths
                .entry(binding.path.clone())
                .or_insert_with(|| json!({}));
            item[binding.verb.as_str()] = operation;
        }
    }
}

fn body(schemas: &mut Schemas<'_>, rpc: &Rpc, binding: &Binding) -> Option<Value> {
    if !binding.body {
        return None;
    }
    let in_path: BTreeSet<String> = binding.variables().map(str::to_owned).collect();
    let schema = schemas.body(&rpc.input, &in_path)?;
    let required = schemas.requires(&schema);
    Some(json!({"required": required, "content": {"application/json": {"schema": schema}}}))
}

fn security(access: Access) -> Value {
    match access {
        Access::Public => json!([]),
        Access::Optional => json!([{}, {"bearer": []}]),
        Access::User | Access::Staff | Access::Service => json!([{"bearer": []}]),
    }
}

/// The first sentence of a comment, without its full stop.
fn summary(comment: &str) -> &str {
    let paragraph = comment.split("\n\n").next().unwrap_or_default();
    let end = paragraph
        .find(". ")
        .or_else(|| paragraph.find(": "))
        .unwrap_or(paragraph.len());
    paragraph[..end].trim_end_matches('.')
}

fn description(rpc: &Rpc, main: Option<&Binding>) -> String {
    let staff = if rpc.rule.access == Access::Staff {
        "\n\nFor staff only."
    } else {
        ""
    };
    match main {
        Some(main) => format!(
            "Alias of `{} {}`. {}{staff}",
            main.verb.to_uppercase(),
            main.path,
            rpc.comment
        ),
        None => format!("{}{staff}", rpc.comment),
    }
}

/// Gives every operation an id of its own: the RPC's name; with its domain
/// where two services have it, with the method for aliases.
struct Ids {
    names: BTreeMap<String, u32>,
    given: BTreeSet<String>,
}

impl Ids {
    fn new(rpcs: &[Rpc]) -> Self {
        let mut names = BTreeMap::new();
        for rpc in rpcs {
            *names.entry(rpc.name.clone()).or_default() += 1;
        }
        Self {
            names,
            given: BTreeSet::new(),
        }
    }

    fn next(&mut self, rpc: &Rpc, binding: &Binding, main: bool) -> String {
        let (head, tail) = rpc.name.split_at(rpc.name.len().min(1));
        let own = match self.names.get(&rpc.name) {
            Some(1) => head.to_ascii_lowercase() + tail,
            _ => format!("{}{}", rpc.domain, rpc.name),
        };
        let base = if main {
            own
        } else {
            format!("{own}_{}", binding.verb)
        };
        let mut id = base.clone();
        let mut count = 2;
        while !self.given.insert(id.clone()) {
            id = format!("{base}_{count}");
            count += 1;
        }
        id
    }
}
