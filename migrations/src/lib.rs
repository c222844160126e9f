//! The schemas of Warren's databases: one module for each service, which calls its own at start.
//! Operators have the program `migrate`.
//!
//! A migration that has been released is never edited; a change is a new one behind it.

pub mod order;
pub mod schema;
pub mod user;

pub use schema::{Schema, Step};

/// The schemas of all services.
pub const ALL: &[Schema] = &[order::SCHEMA, user::SCHEMA];

/// The schema of the service with this name: `user-svc`.
pub fn of(service: &str) -> Option<&'static Schema> {
    ALL.iter().find(|schema| schema.service == service)
}
