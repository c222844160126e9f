//! Stories of the whole system. Run by `./dev test`, which builds the programs and starts the
//! broker first.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod accounts;
mod away;
mod bad_input;
mod denied;
mod observed;
mod orders;
mod readme;
mod schema;
mod sessions;
