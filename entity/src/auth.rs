//! Tables of the auth service, schema `account`.

pub mod account_profiles;
pub mod account_settings;
pub mod audit_log;
pub mod mail_queue;
pub mod refresh_tokens;
pub mod revocations;
pub mod sessions;
pub mod user_accounts;
