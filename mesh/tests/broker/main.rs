//! mesh against a real broker. Run by `./dev test`, which starts one.
//!
//! `vocabulary` holds the contracts and services that the tests speak through; every other
//! module is a group of stories.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod calls;
mod durable;
mod failures;
mod node;
mod permissions;
mod presence;
mod stopping;
mod vocabulary;
