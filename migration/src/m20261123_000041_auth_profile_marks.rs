//! What events tell of a profile apart from its facts: which one is primary, and who took over for a deleted one (I-9).

use crate::sql::Migration;

pub(crate) fn migration() -> Migration {
    Migration::new("m20261123_000041_auth_profile_marks", up, down)
}

/// Both may be null, so that the binary of before goes on writing rows.
fn up() -> String {
    "alter table account.account_profiles add column primary_version integer, add column successor_id uuid;\n"
        .to_owned()
}

fn down() -> String {
    "alter table account.account_profiles drop column primary_version, drop column successor_id;\n"
        .to_owned()
}
