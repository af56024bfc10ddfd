//! The feed service.
