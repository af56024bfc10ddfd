//! Tables of the feed service.

pub mod comment_stats;
pub mod comments;
pub mod likes;
pub mod old_slugs;
pub mod post_stats;
pub mod post_views;
pub mod posts;
