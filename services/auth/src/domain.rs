//! The rules of sign-in, sessions and settings as plain types; nothing here waits.

pub(crate) mod account;
pub(crate) mod code;
pub(crate) mod mail;
pub(crate) mod profile;
pub(crate) mod revocation;
pub(crate) mod session;
pub(crate) mod settings;
