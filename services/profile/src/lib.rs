//! The profile service.

pub mod domain;
