#![doc = include_str!("../README.md")]

pub mod ddl;
mod roles;
mod run;
mod sql;

mod m20261123_000001_base_compat;
mod m20261123_000002_base_app;
mod m20261123_000003_base_schemas;
mod m20261123_000004_base_plumbing;
mod m20261123_000005_base_projections;
mod m20261123_000006_base_visibility;
mod m20261123_000007_base_version;
mod m20261123_000010_auth_accounts;
mod m20261123_000011_auth_sessions;
mod m20261123_000012_auth_profiles;
mod m20261123_000013_auth_mail;
mod m20261123_000014_auth_audit;
mod m20261123_000020_profile_tables;
mod m20261123_000021_profile_viewer;
mod m20261123_000030_feed_posts;
mod m20261123_000031_feed_comments;
mod m20261123_000032_feed_likes;
mod m20261123_000033_feed_views;
mod m20261123_000034_feed_stream;
mod m20261123_000040_base_dead_letters;
mod m20261123_000041_auth_profile_marks;
mod m20261123_000042_feed_late_counts;
mod m20261123_000043_feed_posts_type;
mod m20261123_000044_feed_guarded;

use sea_orm_migration::{MigrationTrait, MigratorTrait};

pub use roles::SERVICES;
pub use run::{Target, down, status, up};

/// Returns the name of every migration, in order: what a process needs to find applied.
#[must_use]
pub fn names() -> Vec<String> {
    Migrator::migrations()
        .iter()
        .map(|migration| migration.name().to_owned())
        .collect()
}

/// The ordered list of migrations.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261123_000001_base_compat::migration()),
            Box::new(m20261123_000002_base_app::migration()),
            Box::new(m20261123_000003_base_schemas::migration()),
            Box::new(m20261123_000004_base_plumbing::migration()),
            Box::new(m20261123_000005_base_projections::migration()),
            Box::new(m20261123_000006_base_visibility::migration()),
            Box::new(m20261123_000007_base_version::migration()),
            Box::new(m20261123_000010_auth_accounts::migration()),
            Box::new(m20261123_000011_auth_sessions::migration()),
            Box::new(m20261123_000012_auth_profiles::migration()),
            Box::new(m20261123_000013_auth_mail::migration()),
            Box::new(m20261123_000014_auth_audit::migration()),
            // profile: 20..29
            Box::new(m20261123_000020_profile_tables::migration()),
            Box::new(m20261123_000021_profile_viewer::migration()),
            Box::new(m20261123_000030_feed_posts::migration()),
            Box::new(m20261123_000031_feed_comments::migration()),
            Box::new(m20261123_000032_feed_likes::migration()),
            Box::new(m20261123_000033_feed_views::migration()),
            Box::new(m20261123_000034_feed_stream::migration()),
            Box::new(m20261123_000040_base_dead_letters::migration()),
            Box::new(m20261123_000041_auth_profile_marks::migration()),
            Box::new(m20261123_000042_feed_late_counts::migration()),
            Box::new(m20261123_000043_feed_posts_type::migration()),
            Box::new(m20261123_000044_feed_guarded::migration()),
        ]
    }
}
