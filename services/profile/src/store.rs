//! What the service keeps in PostgreSQL; the only place that sees SeaORM.

pub(crate) mod answers;
pub(crate) mod copies;
mod model;
pub(crate) mod profile;
pub(crate) mod relation;
pub(crate) mod stats;
