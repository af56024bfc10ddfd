//! The commands of the one binary, as a library, so that tests can start the system in their own process.

pub mod development;
pub mod events;
pub mod inbox;
pub mod migrate;
pub mod probe;
pub mod seed;
pub mod serve;
pub mod settings;
pub mod signals;
pub mod smtp;
pub mod up;
