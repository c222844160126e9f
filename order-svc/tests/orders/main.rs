//! order-svc as others meet it: over a real broker, on SQLite and on PostgreSQL. Run by
//! `./dev test`, which starts both.
//!
//! `system` is a mesh with order-svc in it, `users` a user-svc of the tests, `ear` somebody who
//! listens; every other module is a group of stories.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ear;
mod knowing;
mod lists;
mod placing;
mod program;
mod seeing;
mod steps;
mod system;
mod users;
