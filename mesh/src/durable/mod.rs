//! What survives a crash: replies that are given again, and events that are told for sure.
//!
//! # Layout
//! - `schema`: the tables, and the migration that makes them
//! - `inbox`: the reply of a request, stored with its effect and found before any handler runs
//! - `outbox`: events, written with the change they tell of; `relay` publishes them
//! - `lease`: which instance publishes what a dead one left behind
//! - `tx`: what a handler sees of it: begin, emit, commit

pub(crate) mod inbox;
mod lease;
pub(crate) mod outbox;
pub(crate) mod relay;
pub mod schema;
mod tx;

use std::sync::Arc;

pub use tx::{BeginError, Tx};

use crate::database::Database;

/// What it takes to change something.
#[derive(Debug, Clone)]
pub(crate) struct Durable {
    pub database: Database,
    pub relay: Arc<relay::Relay>,
}
