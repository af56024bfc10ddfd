//! Projections (PJ-1): all five and the groups' for feed, those of the connection service for profile.

use crate::ddl;
use crate::sql::Migration;

pub(crate) fn migration() -> Migration {
    Migration::new("m20261123_000005_base_projections", up, down)
}

fn up() -> String {
    [
        ddl::connections("profile", "sf_profile"),
        ddl::projections("feed", "sf_feed"),
        ddl::groups("feed", "sf_feed"),
    ]
    .concat()
}

fn down() -> String {
    [
        ddl::drop_groups("feed"),
        ddl::drop_projections("feed"),
        ddl::drop_connections("profile"),
    ]
    .concat()
}
