//! SeaORM entities: one folder a service, one file a table. Migrations own the
//! schema; these map it. Schemas are chosen by the role's `search_path`.

pub mod auth;
pub mod feed;
pub mod profile;
