//! Warren's only open port: speaks HTTP to the world, and the mesh to the services.
//!
//! # Layout
//!
//! [`app`] has every path in one block; `routes` what is behind them, one file for each group.
//! A request passes [`observe`] (context, log, metrics, headers), CORS, and [`admit`] (who asks,
//! how often), is read by the extractors in [`json`], [`query`] and [`auth`], and goes to the
//! mesh through [`Ask`](ask::Ask). Whatever goes wrong on the way becomes a
//! [`Problem`](problem::Problem); how one is written stands in `problem_document`.
//!
//! [`tokens`] and [`key_store`] verify access tokens, [`revoked`] knows whose session has ended, and
//! [`hearing`] is told so; [`rate_limit`], [`login_attempts`] and [`connections`] keep the limits;
//! [`address`], [`context`], [`idempotency`] and [`origin`] read what comes with a request.
//! [`openapi`] and [`asyncapi`] make the documents.
//!
//! # Embedding
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use common_messages::services;
//! use gateway::{GatewayConfig, Server};
//! use mesh::{Mesh, MeshConfig, shutdown};
//!
//! # async fn example() -> anyhow::Result<()> {
//! let broker = MeshConfig::at("amqp://127.0.0.1:5672", "password").map_err(anyhow::Error::msg)?;
//! let mesh = Mesh::start(&services::all()?, "gateway", broker)?;
//! let server = Server::start(mesh, GatewayConfig::default(), Duration::from_secs(10))?;
//! println!("http://{}", server.addr());
//! server.run_until(shutdown::signal()).await
//! # }
//! ```

pub mod address;
pub mod admit;
pub mod app;
pub mod ask;
pub mod asyncapi;
pub mod auth;
pub mod config;
pub mod connections;
pub mod context;
mod field;
pub mod hearing;
pub mod idempotency;
pub mod json;
pub mod key_store;
pub mod login_attempts;
pub mod metrics;
pub mod observe;
pub mod openapi;
pub mod origin;
pub mod problem;
pub mod problem_document;
pub mod query;
pub mod rate_limit;
pub mod revoked;
pub mod routes;
pub mod server;
pub mod state;
pub mod tokens;

pub use config::GatewayConfig;
pub use server::Server;
