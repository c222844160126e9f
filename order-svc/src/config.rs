//! What can be set: nothing of the service's own yet.

use clap::Parser;
use mesh::{MeshConfig, database::DatabaseConfig, telemetry::TelemetryConfig};

/// Orders, from placing to delivery
#[derive(Debug, Clone, Parser)]
#[command(name = "order-svc", version)]
pub struct Config {
    /// The broker.
    #[command(flatten)]
    pub mesh: MeshConfig,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseConfig,
    /// Logs.
    #[command(flatten)]
    pub telemetry: TelemetryConfig,
}
