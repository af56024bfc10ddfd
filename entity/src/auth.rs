//! Tables of the auth service.
