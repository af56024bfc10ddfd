//! Migrations on a real PostgreSQL: what they leave behind, and how they run.

mod catalogue;
mod database;
mod runs;
