//! Tables of the feed service.
