//! user-svc: accounts, log-in, and the only mint of tokens.
//!
//! # Layout
//!
//! [`config`] says what can be set. [`App`] is what the handlers share: the database, `password`
//! (hashing in turns), `tokens` (minting and reading) with `keys` (what they are signed by) and
//! `rotation` (when those are replaced). The
//! `handlers` answer, one file for each group of contracts; `store` holds every query, `entity`
//! the tables. `first_admin` makes the account that can make others administrators.
//!
//! # Embedding
//!
//! `main.rs` is the whole program; a test does the same with a mesh and a database of its own:
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use common_messages::services;
//! use mesh::{Mesh, MeshConfig, database::DatabaseConfig};
//! use user_svc::{AccountsConfig, App};
//!
//! let app = App::open(&DatabaseConfig::at("sqlite://users.db"), &AccountsConfig::default()).await?;
//! let config = MeshConfig::at("amqp://127.0.0.1:5672", "password").map_err(anyhow::Error::msg)?;
//! let mesh = Mesh::start(&services::all()?, user_svc::NAME, config)?;
//! user_svc::service(mesh, app).run_until(mesh::shutdown::signal()).await?;
//! # Ok(()) }
//! ```

mod app;
pub mod config;
mod entity;
mod first_admin;
mod handlers;
mod keys;
mod password;
mod rotation;
mod store;
mod tokens;

pub use app::App;
pub use config::{AccountsConfig, Config};
use mesh::{Mesh, Service};

/// The service's name, which is its broker user's, too.
pub const NAME: &str = "user-svc";

/// The service on `mesh`: every handler that its manifest promises.
pub fn service(mesh: Mesh, app: App) -> Service<App> {
    let database = app.database.clone();
    Service::new(mesh, app)
        .database(database)
        .handle(handlers::log_in::register)
        .handle(handlers::log_in::login)
        .handle(handlers::sessions::refresh)
        .handle(handlers::sessions::logout)
        .handle(handlers::sessions::end_session)
        .handle(handlers::sessions::revoked)
        .handle(handlers::tokens::verify)
        .handle(handlers::tokens::public_keys)
        .handle(handlers::people::get)
        .handle(handlers::people::get_several)
        .handle(handlers::people::update)
        .handle(handlers::people::find)
        .handle(handlers::password::change)
        .handle(handlers::admin::set_role)
        .handle(handlers::admin::set_status)
}
