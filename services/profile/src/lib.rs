//! The profile service.
