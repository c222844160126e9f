//! A whole Warren for each test: the built programs on a vhost and databases of their own.
#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot run must fail loudly")]

mod client;
mod system;

pub use client::{Answer, Client};
pub use system::{ADMIN, Plan, System, all_services};
