//! The rules of posts and comments, apart from how they are stored or asked for.

pub(crate) mod comment;
pub(crate) mod mention;
pub(crate) mod metadata;
pub(crate) mod post;
pub(crate) mod publication;
pub(crate) mod slug;
pub(crate) mod snapshot;
pub(crate) mod text;
pub(crate) mod viewing;
