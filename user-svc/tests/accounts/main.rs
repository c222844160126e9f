//! user-svc as others meet it: over a real broker, on SQLite and on PostgreSQL. Run by
//! `./dev test`, which starts both.
//!
//! `system` is a mesh with user-svc in it; every other module is a group of stories.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod log_in;
mod people;
mod program;
mod starting;
mod system;
mod tokens;
