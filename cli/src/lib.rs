//! The commands of the one binary, as a library, so that tests can start the system in their own process.

pub mod development;
pub mod events;
pub mod migrate;
pub mod seed;
pub mod settings;
pub mod smtp;
pub mod up;
