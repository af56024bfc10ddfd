//! The Rust names prost gives to what a `.proto` declares.

use prost_reflect::DescriptorPool;

use super::Result;

/// The packages whose types are generated here; everything else is prost's own.
const OURS: [&str; 2] = ["smilefactory.", "google.api."];

/// Whether the type of this full name is generated in this crate.
pub(crate) fn is_ours(full_name: &str) -> bool {
    OURS.iter().any(|package| full_name.starts_with(package))
}

/// The path of a generated type: `smilefactory.feed.v1.Post` is
/// `crate::feed::v1::Post`. A type inside a message stands in the module named
/// after that message.
///
/// Type names must be CamelCase without runs of capitals (`Otp`, not `OTP`), so
/// that prost's own conversion leaves them alone.
pub(crate) fn type_path(full_name: &str) -> Result<String> {
    let path = full_name.strip_prefix("smilefactory.").unwrap_or(full_name);
    let parts: Vec<&str> = path.split('.').collect();
    let (name, modules) = parts.split_last().ok_or("a type without a name")?;
    let mut rust = String::from("crate");
    for module in modules {
        rust.push_str("::");
        rust.push_str(&field(&snake(module)));
    }
    let capitals = |pair: &[u8]| pair.iter().all(u8::is_ascii_uppercase);
    if name.contains('_') || name.as_bytes().windows(2).any(capitals) {
        return Err(
            format!("{full_name}: write the name in CamelCase without runs of capitals").into(),
        );
    }
    Ok(format!("{rust}::{name}"))
}

/// The name of a struct field: the proto name, escaped where Rust needs it.
pub(crate) fn field(name: &str) -> String {
    const KEYWORDS: &[&str] = &[
        "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do",
        "dyn", "else", "enum", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let",
        "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return",
        "static", "struct", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use",
        "virtual", "where", "while", "yield",
    ];
    match name {
        "super" | "self" | "extern" | "crate" => format!("{name}_"),
        name if KEYWORDS.contains(&name) => format!("r#{name}"),
        name => name.to_owned(),
    }
}

/// `ProfileType` as `profile_type`; snake case stays as it is.
pub(crate) fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for (index, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && index > 0 && !out.ends_with('_') {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

/// Every message of ours, nested ones included, map entries excluded.
pub(crate) fn messages(
    pool: &DescriptorPool,
) -> impl Iterator<Item = prost_reflect::MessageDescriptor> + '_ {
    pool.all_messages()
        .filter(|message| is_ours(message.full_name()) && !message.is_map_entry())
}
