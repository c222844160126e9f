//! What Warren's services say to one another. One module for each service that owns contracts;
//! [`services`] says who may say it to whom.

pub mod money;
pub mod order;
pub mod page;
mod rules;
pub mod secret;
pub mod services;
pub mod token;
pub mod user;
mod validation;

pub use money::Money;
pub use page::{Cursor, Page};
pub use secret::Secret;
