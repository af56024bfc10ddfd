//! Holds the contracts to what everything derived from them relies on: they are
//! documented, protected, routed as promised, and shaped as the edge expects.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod access;
mod cache;
mod comments;
mod conditional;
mod routes;
mod shapes;

use std::collections::BTreeSet;

use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor};

/// Every contract.
fn pool() -> DescriptorPool {
    DescriptorPool::decode(contracts::DESCRIPTOR).expect("the descriptor set is ours")
}

/// Every RPC of every service.
fn methods(pool: &DescriptorPool) -> Vec<MethodDescriptor> {
    pool.services()
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .collect()
}

/// The gRPC path of an RPC.
fn path(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}

/// The rules of an RPC.
fn rule(method: &MethodDescriptor) -> &'static contracts::RpcRule {
    contracts::rpc(&path(method)).unwrap_or_else(|| panic!("{}: no rpc option", method.full_name()))
}

/// One HTTP binding of an RPC.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Binding {
    method: String,
    /// The template with its variables in camelCase, as the route table writes them.
    template: String,
    body: String,
}

/// Every HTTP binding of an RPC, the main one first.
fn bindings(pool: &DescriptorPool, method: &MethodDescriptor) -> Vec<Binding> {
    let http = pool
        .get_extension_by_name("google.api.http")
        .expect("the annotations are compiled in");
    let options = method.options();
    if !options.has_extension(&http) {
        return Vec::new();
    }
    let value = options.get_extension(&http);
    let rule = value.as_message().expect("a message").clone();
    let more = field(&rule, "additional_bindings");
    let more = more
        .as_list()
        .expect("a list")
        .iter()
        .map(|item| item.as_message().expect("a message").clone());
    std::iter::once(rule)
        .chain(more)
        .map(|rule| binding(&rule))
        .collect()
}

fn binding(rule: &DynamicMessage) -> Binding {
    let verbs = ["get", "put", "post", "delete", "patch"];
    let verb = verbs
        .into_iter()
        .find(|verb| rule.has_field_by_name(verb))
        .expect("a binding has a verb");
    let text = |name: &str| field(rule, name).as_str().expect("a text").to_owned();
    Binding {
        method: verb.to_uppercase(),
        template: camel_variables(&text(verb)),
        body: text("body"),
    }
}

fn field(message: &DynamicMessage, name: &str) -> prost_reflect::Value {
    message
        .get_field_by_name(name)
        .expect("a field of the option")
        .into_owned()
}

/// `/users/{user_id}` as `/users/{userId}`.
fn camel_variables(template: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    let mut raise = false;
    for letter in template.chars() {
        match letter {
            '{' => inside = true,
            '}' => inside = false,
            '_' if inside => {
                raise = true;
                continue;
            }
            _ => {}
        }
        out.push(if std::mem::take(&mut raise) {
            letter.to_ascii_uppercase()
        } else {
            letter
        });
    }
    out
}

/// Fails with everything that is wrong at once.
#[track_caller]
fn none_wrong(wrong: impl IntoIterator<Item = String>) {
    let wrong: BTreeSet<String> = wrong.into_iter().collect();
    assert!(
        wrong.is_empty(),
        "\n{}",
        wrong.into_iter().collect::<Vec<_>>().join("\n")
    );
}
