//! Writes `Word` for every enum.

use std::fmt::Write as _;

use prost_reflect::{DescriptorPool, EnumDescriptor, EnumValueDescriptor};

use super::Result;
use super::names;
use super::options::Options;

/// One `impl Word` per enum of ours.
pub(crate) fn generate(pool: &DescriptorPool, options: &Options) -> Result<String> {
    let mut out = String::new();
    for descriptor in pool.all_enums().filter(|e| names::is_ours(e.full_name())) {
        let mut words = Vec::new();
        let mut aliases = Vec::new();
        for value in descriptor.values().filter(|value| value.number() != 0) {
            words.push((word(&descriptor, &value, options), value.number()));
            aliases.extend(
                options
                    .word(&value)
                    .1
                    .into_iter()
                    .map(|alias| (alias, value.number())),
            );
        }
        let path = names::type_path(descriptor.full_name())?;
        writeln!(
            out,
            "impl Word for {path} {{ const WORDS: &'static [(&'static str, i32)] = &{words:?}; \
             const ALIASES: &'static [(&'static str, i32)] = &{aliases:?}; }}"
        )?;
    }
    Ok(out)
}

/// Every spelling an enum is read by, with the word it means.
pub(crate) fn spellings(descriptor: &EnumDescriptor, options: &Options) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for value in descriptor.values().filter(|value| value.number() != 0) {
        let word = word(descriptor, &value, options);
        all.push((word.clone(), word.clone()));
        all.extend(
            options
                .word(&value)
                .1
                .into_iter()
                .map(|alias| (alias, word.clone())),
        );
    }
    all
}

/// The word of a value: the option's, else the name in lower snake case without
/// the prefix of its enum.
fn word(descriptor: &EnumDescriptor, value: &EnumValueDescriptor, options: &Options) -> String {
    let (given, _) = options.word(value);
    if !given.is_empty() {
        return given;
    }
    let prefix = names::snake(descriptor.name()) + "_";
    let name = value.name().to_ascii_lowercase();
    name.strip_prefix(&prefix).unwrap_or(&name).to_owned()
}
