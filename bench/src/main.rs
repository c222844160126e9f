//! Measures Warren, release build, on this machine, and writes `docs/benchmarks.md`.

mod cpu;
mod load;
mod report;
mod scenario;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use clap::Parser;
use harness::{Node, Postgres};

use crate::{report::Report, scenario::Effort};

/// Measures Warren on this machine.
#[derive(Debug, Parser)]
struct Arguments {
    /// Seconds of each measurement
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Rounds of each measurement; the median counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    rounds: u32,
    /// The page that is written
    #[arg(long, default_value = "docs/benchmarks.md")]
    page: PathBuf,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let node = Node::start(Path::new(".run/bench-broker")).await.context("start a broker")?;
    // Its own settings: a commit is on disk before it is answered.
    let server = Postgres::start(Path::new(".run/bench-postgres"), &[]).await;
    let server = server.context("start PostgreSQL")?;
    let effort = Effort { time: Duration::from_secs(arguments.seconds), rounds: arguments.rounds };
    let measured = measure(&node, &server, effort).await;
    server.stop().await;
    node.stop().await;
    report::write(&arguments.page, &measured?, effort)
}

async fn measure(node: &Node, server: &Postgres, effort: Effort) -> anyhow::Result<Report> {
    Ok(Report {
        profile: scenario::profile(node, effort).await.context("GET profile")?,
        orders_sqlite: scenario::orders(node, None, effort).await.context("POST orders")?,
        orders_postgres: scenario::orders(node, Some(server), effort)
            .await
            .context("POST orders")?,
    })
}
