//! What the service keeps in PostgreSQL; the only place that sees SeaORM.

pub(crate) mod answers;
mod model;
pub(crate) mod profile;
pub(crate) mod relation;
pub(crate) mod stats;
