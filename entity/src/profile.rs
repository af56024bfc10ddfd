//! Tables of the profile service.
