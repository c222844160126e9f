//! What is behind each path: one file for each group.

pub mod accounts;
pub mod docs;
pub mod health;
pub mod keys;
pub mod metrics;
pub mod orders;
pub mod registry;
pub mod session;
pub mod sessions;
pub mod users;

use actix_web::web::Json;

use crate::problem::Problem;

/// An object, or the reason why there is none.
pub type Answer<T> = Result<Json<T>, Problem>;
