//! Profiles and their rules, free of transport and storage.

pub mod account;
pub mod answers;
pub mod changes;
pub mod completion;
pub mod derive;
pub mod profile;
pub mod questions;
pub mod sight;
pub mod username;
pub mod wizard;

pub use account::{AccountState, ContactVisibility, Settings};
pub use answers::Answers;
pub use changes::{Change, Changes, Naming};
pub use profile::{Finished, Private, Profile, Stats, Whole};
pub use sight::Sight;
