//! order-svc: orders, from placing to delivery.
//!
//! # Layout
//!
//! [`config`] says what can be set. [`App`] is what the handlers share: the database, and
//! `known_users`, of whom user-svc need not be asked again. The `handlers` answer, one file for
//! each thing that is done with orders; `status` says which steps are legal, `reference` makes
//! names for orders that come without; `store` holds every query, `entity` the tables.
//!
//! # Embedding
//!
//! `main.rs` is the whole program; a test does the same with a mesh and a database of its own:
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use common_messages::services;
//! use mesh::{Mesh, MeshConfig, database::DatabaseConfig};
//! use order_svc::App;
//!
//! let app = App::open(&DatabaseConfig::at("sqlite://orders.db")).await?;
//! let config = MeshConfig::at("amqp://127.0.0.1:5672", "password").map_err(anyhow::Error::msg)?;
//! let mesh = Mesh::start(&services::all()?, order_svc::NAME, config)?;
//! order_svc::service(mesh, app).run_until(mesh::shutdown::signal()).await?;
//! # Ok(()) }
//! ```

mod app;
pub mod config;
mod entity;
mod handlers;
mod known_users;
mod reference;
mod status;
mod store;

pub use app::App;
pub use config::Config;
use mesh::{Mesh, Service};

/// The service's name, which is its broker user's, too.
pub const NAME: &str = "order-svc";

/// The service on `mesh`: every handler that its manifest promises.
pub fn service(mesh: Mesh, app: App) -> Service<App> {
    let database = app.database.clone();
    Service::new(mesh, app)
        .database(database)
        .handle(handlers::place::place)
        .handle(handlers::look::get)
        .handle(handlers::look::list)
        .handle(handlers::look::history)
        .handle(handlers::steps::set_status)
        .on_each(handlers::users::updated)
        .on_each(handlers::users::disabled)
}
