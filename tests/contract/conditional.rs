//! What `If-Match` can be compared with: versions in replies, and the RPCs that promise to look.

use std::collections::BTreeSet;

use prost_reflect::{Kind, MethodDescriptor};

use crate::{bindings, methods, none_wrong, pool, rule};

/// Whether the reply says in which version the thing is.
fn has_version(method: &MethodDescriptor) -> bool {
    let version = method.output().get_field_by_name("version");
    version.is_some_and(|field| field.kind() == Kind::Int32 && !field.is_list())
}

#[test]
fn cq_3_the_reply_of_everything_that_can_be_updated_has_a_version() {
    let pool = pool();
    let updates = methods(&pool).into_iter().filter(|method| {
        method.input().get_field_by_name("update_mask").is_some() && rule(method).public
    });
    let updates: Vec<MethodDescriptor> = updates.collect();
    assert!(!updates.is_empty());
    none_wrong(
        updates
            .iter()
            .filter(|method| !has_version(method))
            .map(|method| {
                format!(
                    "{}: {} has no int32 `version`",
                    method.full_name(),
                    method.output().full_name()
                )
            }),
    );
}

#[test]
fn cq_2_what_changes_a_path_whose_replies_have_a_version_compares_it() {
    let pool = pool();
    let mut versioned = BTreeSet::new();
    for method in methods(&pool) {
        for binding in bindings(&pool, &method) {
            if binding.method != "POST" && has_version(&method) {
                versioned.insert(binding.template);
            }
        }
    }
    let wrong = methods(&pool).into_iter().filter_map(|method| {
        let changes = bindings(&pool, &method).into_iter().any(|binding| {
            matches!(binding.method.as_str(), "PUT" | "PATCH" | "DELETE")
                && versioned.contains(&binding.template)
        });
        (changes != rule(&method).conditional)
            .then(|| format!("{}: conditional must be {changes}", method.full_name()))
    });
    none_wrong(wrong);
}
