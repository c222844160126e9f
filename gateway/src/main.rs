//! The process `gateway`: joins the mesh and serves HTTP until it is told to stop.

use std::process::ExitCode;

use clap::Parser;
use common_messages::services;
use gateway::{GatewayConfig, Server};
use mesh::{Mesh, MeshConfig, shutdown, telemetry};

/// Warren's only open port: speaks HTTP to the world and the mesh to the services
#[derive(Debug, Parser)]
#[command(version)]
struct Config {
    #[command(flatten)]
    telemetry: telemetry::TelemetryConfig,
    #[command(flatten)]
    mesh: MeshConfig,
    #[command(flatten)]
    gateway: GatewayConfig,
}

#[tokio::main]
async fn main() -> ExitCode {
    let config: Config = mesh::config::load();
    telemetry::init(&config.telemetry);
    match run(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(config: Config) -> anyhow::Result<()> {
    let grace = config.mesh.grace;
    let mesh = Mesh::start(&services::all()?, "gateway", config.mesh)?;
    Server::start(mesh, config.gateway, grace)?.run_until(shutdown::signal()).await
}
