//! Measures Warren, release build, on this machine, and writes `docs/benchmarks.md`.

mod cpu;
mod load;
mod report;
mod scenario;

use std::{path::PathBuf, time::Duration};

use anyhow::Context;
use clap::Parser;
use harness::Node;

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
    let node = Node::start(&PathBuf::from(".run/bench-broker")).await.context("start a broker")?;
    let seconds = Duration::from_secs(arguments.seconds);
    let measured = scenario::profile(&node, seconds, arguments.rounds).await;
    node.stop().await;
    report::write(&arguments.page, &measured?, seconds, arguments.rounds)
}
