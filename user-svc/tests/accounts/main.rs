//! user-svc as others meet it: over a real broker, on SQLite and on PostgreSQL. Run by
//! `./dev test`, which starts both.
//!
//! `system` is a mesh with user-svc in it, `ear` a member that hears all that it tells; every
//! other module is a group of stories.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod admin;
mod ear;
mod events;
mod keys;
mod log_in;
mod password;
mod people;
mod program;
mod sessions;
mod starting;
mod system;
mod tokens;
