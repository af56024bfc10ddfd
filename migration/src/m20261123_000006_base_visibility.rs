//! `can_see` in every schema that has the projections it reads (VIS-11).

use store::visibility::{Projections, drop_function, function};

use crate::sql::Migration;

pub(crate) fn migration() -> Migration {
    Migration::new("m20261123_000006_base_visibility", up, down)
}

fn up() -> String {
    function("feed", "sf_feed", Projections::WithGroups)
}

fn down() -> String {
    drop_function("feed")
}
