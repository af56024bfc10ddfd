//! Tables of the profile service.

pub mod block_ref;
pub mod connection_ref;
pub mod profile_metadata;
pub mod profile_private;
pub mod profile_stats;
pub mod profiles;
