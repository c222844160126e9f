//! mesh against a real broker. Run by `./dev test`, which starts one.
//!
//! `vocabulary` holds the contracts and services that the tests speak through; every other
//! module is a group of stories.

mod calls;
mod failures;
mod node;
mod permissions;
mod presence;
mod stopping;
mod vocabulary;
