//! Writes `Validate` for every message.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use prost_reflect::{DescriptorPool, Kind, MessageDescriptor};

use super::fields::Context;
use super::options::Options;
use super::{Result, fields, names};

/// One `impl Validate` per message of ours: with checks for requests and what
/// they are made of, without any for the others.
pub(crate) fn generate(pool: &DescriptorPool, options: &Options) -> Result<String> {
    let requests = requests(pool);
    let lists = lists(pool, options);
    let mut out = String::new();
    for message in names::messages(pool) {
        let path = names::type_path(message.full_name())?;
        if !requests.contains(message.full_name()) {
            writeln!(out, "impl Validate for {path} {{}}")?;
            continue;
        }
        let is_list = lists.contains(message.full_name());
        let body = body(&message, options, is_list)
            .map_err(|error| format!("{}: {error}", message.full_name()))?;
        let check = if body.is_empty() { "_check" } else { "check" };
        writeln!(
            out,
            "impl Validate for {path} {{\n    const REQUEST: bool = true;\n    fn validate(&mut self, {check}: &mut Check) {{\n{body}    }}\n}}"
        )?;
    }
    Ok(out)
}

/// The full names of every message a request can contain.
fn requests(pool: &DescriptorPool) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open: Vec<MessageDescriptor> = pool
        .services()
        .flat_map(|service| {
            service
                .methods()
                .map(|method| method.input())
                .collect::<Vec<_>>()
        })
        .collect();
    while let Some(message) = open.pop() {
        if names::is_ours(message.full_name()) && found.insert(message.full_name().to_owned()) {
            open.extend(message.fields().filter_map(|field| match field.kind() {
                Kind::Message(inner) => Some(inner),
                _ => None,
            }));
        }
    }
    found
}

/// The full names of the requests of list RPCs (K-2).
fn lists(pool: &DescriptorPool, options: &Options) -> BTreeSet<String> {
    let methods = pool
        .services()
        .flat_map(|service| service.methods().collect::<Vec<_>>());
    let is_list = |option: prost_reflect::DynamicMessage| option.has_field_by_name("list");
    methods
        .filter(|method| options.rpc(method).is_some_and(is_list))
        .map(|method| method.input().full_name().to_owned())
        .collect()
}

fn body(message: &MessageDescriptor, options: &Options, is_list: bool) -> Result<String> {
    if message.oneofs().any(|oneof| !oneof.is_synthetic()) {
        return Err("a request cannot have a oneof: the REST dialect has no form for it".into());
    }
    let is_update = message.get_field_by_name("update_mask").is_some();
    let context = Context {
        options,
        is_list,
        is_update,
        message,
    };
    let mut out = String::new();
    if is_update {
        out.push_str(&mask(&context)?);
    }
    for field in message.fields() {
        let check = fields::check(&context, &field)
            .map_err(|error| format!("{}: {error}", field.name()))?;
        for line in check.lines() {
            writeln!(out, "        {line}")?;
        }
    }
    Ok(out)
}

/// Reads the mask and drops what it does not name.
fn mask(context: &Context<'_>) -> Result<String> {
    let mut out = String::from("        let mask = check.mask(&mut self.update_mask, &[\n");
    let mut drops = String::new();
    for field in context
        .message
        .fields()
        .filter(|field| field.name() != "update_mask")
    {
        let rules = context.options.field(&field);
        let rust = names::field(field.name());
        let mut json = vec![field.json_name().to_owned()];
        json.extend(Some(rules.alias.clone()).filter(|alias| !alias.is_empty()));
        let present = match (
            field.supports_presence(),
            field.is_list() || rules.catch_all,
        ) {
            (true, _) => format!("self.{rust}.is_some()"),
            (false, true) => format!("!self.{rust}.is_empty()"),
            (false, false) => "false".to_owned(),
        };
        writeln!(
            out,
            "            ({:?}, &{json:?}, {present}),",
            field.name()
        )?;
        if fields::is_masked(&field, &rules) {
            writeln!(
                drops,
                "        if !mask.names({:?}) {{ self.{rust} = Default::default(); }}",
                field.name()
            )?;
        }
    }
    Ok(out + "        ]);\n" + &drops)
}
