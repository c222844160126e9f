//! The program: configuration, logs, database, broker; then it answers until it is stopped.

use std::process::ExitCode;

use anyhow::Result;
use common_messages::services;
use mesh::{Mesh, shutdown};
use order_svc::{App, Config};

#[tokio::main]
async fn main() -> ExitCode {
    let config: Config = mesh::config::load();
    mesh::telemetry::init(&config.telemetry);
    match run(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(config: Config) -> Result<()> {
    let app = App::open(&config.database).await?;
    let mesh = Mesh::start(&services::all()?, order_svc::NAME, config.mesh)?;
    order_svc::service(mesh, app).run_until(shutdown::signal()).await?;
    Ok(())
}
