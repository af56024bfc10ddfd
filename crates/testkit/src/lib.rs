//! Real PostgreSQL and Redis for tests, callers, and a mesh in the test's process.
