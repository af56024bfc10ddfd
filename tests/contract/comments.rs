//! Everything is commented: comments become the API documentation.

use std::collections::HashSet;

use prost_reflect::FileDescriptor;

use crate::{none_wrong, pool};

/// The paths of one file that have a comment before them.
fn commented(file: &FileDescriptor) -> HashSet<Vec<i32>> {
    let locations = file
        .file_descriptor_proto()
        .source_code_info
        .iter()
        .flat_map(|info| &info.location);
    locations
        .filter(|location| !location.leading_comments().trim().is_empty())
        .map(|location| location.path.clone())
        .collect()
}

#[test]
fn every_service_rpc_message_field_enum_and_value_has_a_comment() {
    let pool = pool();
    let mut wrong = Vec::new();
    for file in pool
        .files()
        .filter(|file| file.package_name().starts_with("smilefactory."))
    {
        let commented = commented(&file);
        let mut look = |name: &str, path: &[i32]| {
            if !commented.contains(path) {
                wrong.push(format!("{}: {name} has no comment", file.name()));
            }
        };
        for service in file.services() {
            look(service.full_name(), service.path());
            service
                .methods()
                .for_each(|method| look(method.full_name(), method.path()));
        }
        for message in pool
            .all_messages()
            .filter(|m| m.parent_file() == file && !m.is_map_entry())
        {
            look(message.full_name(), message.path());
            message
                .fields()
                .for_each(|field| look(field.full_name(), field.path()));
        }
        for kind in pool.all_enums().filter(|kind| kind.parent_file() == file) {
            look(kind.full_name(), kind.path());
            kind.values()
                .for_each(|value| look(value.full_name(), value.path()));
        }
    }
    none_wrong(wrong);
}

#[test]
fn every_file_says_what_it_is_for() {
    // The location of `syntax`, where the comment at the head of a file stands.
    const SYNTAX: [i32; 1] = [12];
    let pool = pool();
    let ours = pool
        .files()
        .filter(|file| file.package_name().starts_with("smilefactory."));
    none_wrong(
        ours.filter(|file| !commented(file).contains(SYNTAX.as_slice()))
            .map(|file| format!("{} does not begin with a comment", file.name())),
    );
}
