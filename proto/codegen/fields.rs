//! Writes the check of one field.

use std::fmt::Write as _;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::options::{FieldRules, Options};
use super::{Result, names};

/// The message a field is checked in.
pub(crate) struct Context<'a> {
    pub(crate) options: &'a Options,
    pub(crate) message: &'a MessageDescriptor,
    /// It is the request of a list RPC: its grammar is read by the store.
    pub(crate) is_list: bool,
    /// It has an update mask.
    pub(crate) is_update: bool,
}

/// Whether an update's mask governs a field: it can be told from absence, or is a list.
pub(crate) fn is_masked(field: &FieldDescriptor, rules: &FieldRules) -> bool {
    !rules.catch_all
        && field.name() != "update_mask"
        && (field.supports_presence() || field.is_list())
}

/// The statements that check one field; none when nothing can be wrong with it.
pub(crate) fn check(context: &Context<'_>, field: &FieldDescriptor) -> Result<String> {
    let mut rules = context.options.field(field);
    refuse_misuse(field, &rules)?;
    let governed = context.is_update && is_masked(field, &rules);
    let keeps = governed && field.supports_presence() && !rules.clearable;
    if governed && field.supports_presence() {
        rules.required = false;
    }
    let mut out = match field.kind() {
        Kind::String if rules.catch_all => catch_all(context, field, &rules),
        Kind::String => string(context, field, &rules),
        Kind::Enum(kind) => word(field, &names::type_path(kind.full_name())?, &rules),
        Kind::Message(inner) => message(field, &inner, &rules)?,
        Kind::Bytes => bytes(field, &rules),
        Kind::Bool => presence(field, &rules),
        Kind::Float | Kind::Double => number(field, &rules, true),
        _ => number(field, &rules, false),
    };
    if keeps {
        writeln!(
            out,
            "check.kept({:?}, {}.is_some());",
            field.json_name(),
            place(field)
        )?;
    }
    if governed && !out.is_empty() {
        out = format!("if mask.names({:?}) {{\n{out}}}\n", field.name());
    }
    Ok(out)
}

/// An option that would do nothing is a mistake of its author.
fn refuse_misuse(field: &FieldDescriptor, rules: &FieldRules) -> Result<()> {
    let is_text = matches!(field.kind(), Kind::String);
    let is_enum = matches!(field.kind(), Kind::Enum(_));
    let is_number = !is_text
        && !is_enum
        && !matches!(field.kind(), Kind::Message(_) | Kind::Bytes | Kind::Bool);
    let text_only = rules.min_len > 0
        || rules.max_len > 0
        || rules.multiline
        || rules.format != "Plain"
        || rules.json
        || rules.verbatim;
    let list_only = rules.min_items > 0 || rules.max_items > 0 || rules.unique || rules.dedupe;
    let has_presence = field.supports_presence() || field.is_list();
    let told = if field.is_map() {
        "a request cannot have a map; use free JSON (`json_object`)"
    } else if text_only && !is_text {
        "min_len, max_len, multiline, format, json and verbatim are for strings"
    } else if !rules.one_of.is_empty() && !is_text && !is_enum {
        "one_of is for strings and enums"
    } else if rules.range.is_some() && !is_number {
        "range is for numbers"
    } else if list_only && !field.is_list() {
        "min_items, max_items, unique and dedupe are for repeated fields"
    } else if (rules.unique || rules.dedupe) && rules.max_items == 0 {
        "unique and dedupe need max_items: telling items apart takes time"
    } else if rules.required && rules.clearable {
        "a required field cannot be clearable"
    } else if rules.required && !has_presence && (is_number || matches!(field.kind(), Kind::Bool)) {
        "0 and false cannot be told from absence: make the field optional"
    } else if (rules.catch_all || rules.json) && field.is_list() {
        "free JSON cannot be repeated"
    } else {
        return Ok(());
    };
    Err(told.into())
}

fn place(field: &FieldDescriptor) -> String {
    format!("self.{}", names::field(field.name()))
}

fn string(context: &Context<'_>, field: &FieldDescriptor, rules: &FieldRules) -> String {
    let (json, place) = (field.json_name(), place(field));
    let mut rules = rules.clone();
    // The list grammar is opaque here; the store reads it, limits included.
    rules.verbatim |= context.is_list && matches!(field.name(), "cursor" | "filter");
    let rule = text_rule(&rules);
    if field.is_list() {
        format!(
            "check.texts({json:?}, &mut {place}, &{rule}, &{});\n",
            items(&rules)
        )
    } else if field.supports_presence() {
        format!("check.optional_text({json:?}, &mut {place}, &{rule});\n")
    } else {
        format!("check.text({json:?}, &mut {place}, &{rule});\n")
    }
}

fn catch_all(context: &Context<'_>, field: &FieldDescriptor, rules: &FieldRules) -> String {
    let others = context.message.fields().filter(|other| other != field);
    let declared: Vec<String> = others.map(|other| other.json_name().to_owned()).collect();
    format!(
        "check.catch_all({:?}, &mut {}, &{}, &{:?}, &{declared:?});\n",
        field.json_name(),
        place(field),
        text_rule(rules),
        rules.managed,
    )
}

fn word(field: &FieldDescriptor, path: &str, rules: &FieldRules) -> String {
    let (json, place) = (field.json_name(), place(field));
    let (required, one_of) = (rules.required, &rules.one_of);
    let rule = format!("WordRule {{ required: {required}, one_of: &{one_of:?} }}");
    if field.is_list() {
        format!(
            "check.words::<{path}>({json:?}, &mut {place}, &{rule}, &{});\n",
            items(rules)
        )
    } else if field.supports_presence() {
        format!("check.optional_word::<{path}>({json:?}, &mut {place}, &{rule});\n")
    } else {
        format!("check.word::<{path}>({json:?}, {place}, &{rule});\n")
    }
}

fn message(
    field: &FieldDescriptor,
    inner: &MessageDescriptor,
    rules: &FieldRules,
) -> Result<String> {
    const KNOWN: [&str; 3] = [
        "google.protobuf.Timestamp",
        "google.protobuf.Duration",
        "google.protobuf.FieldMask",
    ];
    let (json, place) = (field.json_name(), place(field));
    if !names::is_ours(inner.full_name()) && !KNOWN.contains(&inner.full_name()) {
        return Err(format!("a request cannot have a {}", inner.full_name()).into());
    }
    if field.is_list() {
        return Ok(format!(
            "if check.items({json:?}, {place}.len(), &{items}) {{\n    \
             for (index, inner) in {place}.iter_mut().enumerate() {{\n        \
             check.within_item({json:?}, index, |check| inner.validate(check));\n    }}\n    \
             check.distinct({json:?}, &mut {place}, &{items});\n}}\n",
            items = items(rules),
        ));
    }
    Ok(format!(
        "if let Some(inner) = {place}.as_mut() {{ check.within({json:?}, |check| inner.validate(check)); }}\n{}",
        presence(field, rules)
    ))
}

fn bytes(field: &FieldDescriptor, rules: &FieldRules) -> String {
    let (json, place) = (field.json_name(), place(field));
    let size = if field.supports_presence() {
        format!("{place}.as_ref().map_or(0, |bytes| bytes.len())")
    } else {
        format!("{place}.len()")
    };
    if field.is_list() || (!rules.required && rules.max_bytes == 0) {
        return String::new();
    }
    format!(
        "check.bytes({json:?}, {size}, {}, {});\n",
        rules.required, rules.max_bytes
    )
}

fn number(field: &FieldDescriptor, rules: &FieldRules, decimal: bool) -> String {
    let (json, place) = (field.json_name(), place(field));
    let call = |name: &str, value: &str| match (decimal, rules.range) {
        (true, range) => format!("check.decimal({name}, f64::from({value}), {range:?});"),
        (false, Some((least, most))) => {
            format!("check.range({name}, i128::from({value}), {least}, {most});")
        }
        (false, None) => String::new(),
    };
    let one = call(&format!("{json:?}"), "value");
    let mut out = String::new();
    if field.is_list() {
        let items = items(rules);
        let each = call(&format!("&format!(\"{json}[{{index}}]\")"), "*value");
        let each = if each.is_empty() {
            each
        } else {
            format!("for (index, value) in {place}.iter().enumerate() {{ {each} }}")
        };
        out = format!(
            "if check.items({json:?}, {place}.len(), &{items}) {{ {each} check.distinct({json:?}, &mut {place}, &{items}); }}\n"
        );
    } else if !one.is_empty() && field.supports_presence() {
        out = format!("if let Some(value) = {place} {{ {one} }}\n");
    } else if !one.is_empty() {
        out = format!("if {place} != Default::default() {{ let value = {place}; {one} }}\n");
    }
    out + &presence(field, rules)
}

fn presence(field: &FieldDescriptor, rules: &FieldRules) -> String {
    if rules.required && field.supports_presence() {
        format!(
            "check.present({:?}, {}.is_some());\n",
            field.json_name(),
            place(field)
        )
    } else {
        String::new()
    }
}

fn items(rules: &FieldRules) -> String {
    let FieldRules {
        required,
        min_items,
        max_items,
        unique,
        dedupe,
        ..
    } = rules;
    format!(
        "Items {{ required: {required}, min: {min_items}, max: {max_items}, unique: {unique}, dedupe: {dedupe} }}"
    )
}

fn text_rule(rules: &FieldRules) -> String {
    let json = match (rules.json, rules.json_object) {
        (_, true) => "Object",
        (true, false) => "Any",
        (false, false) => "No",
    };
    let FieldRules {
        required,
        min_len,
        max_len,
        max_bytes,
        multiline,
        verbatim,
        format,
        one_of,
        ..
    } = rules;
    format!(
        "TextRule {{ required: {required}, min_len: {min_len}, max_len: {max_len}, max_bytes: {max_bytes}, \
         multiline: {multiline}, verbatim: {verbatim}, format: Format::{format}, one_of: &{one_of:?}, \
         json: Json::{json} }}"
    )
}
