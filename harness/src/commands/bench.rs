//! `./dev bench`.

use std::process::ExitCode;

use anyhow::{Context, Result};
use harness::checkout::{self, Checkout};
use harness::process::Process;
use harness::spec::Spec;
use harness::{Node, node};

use crate::commands::exit_code;
use crate::progress::Progress;
use crate::signals::Signals;

/// What `bench` may be told.
#[derive(clap::Args)]
pub struct Options {
    /// Arguments for the benchmark program.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// Runs the benchmark program against a broker of its own, which is new each time.
pub async fn run(checkout: &Checkout, progress: &Progress, options: &Options) -> Result<ExitCode> {
    let mut signals = Signals::catch()?;
    tokio::select! {
        done = measure(checkout, progress, options) => done,
        () = signals.next() => Ok(ExitCode::FAILURE), // all that runs ends with its handle
    }
}

async fn measure(checkout: &Checkout, progress: &Progress, options: &Options) -> Result<ExitCode> {
    let program = checkout::binary("bench").context("there is no benchmark yet")?;
    let dir = checkout.run("bench-broker");
    node::forget(&dir).await?;
    let broker = progress.step("RabbitMQ", Node::start(&dir)).await?;
    let spec = Spec::new("bench", program, checkout.root(), checkout.run("bench-pids"))
        .args(&options.args)
        .env("WARREN_BENCH_AMQP_URL", broker.amqp_url())
        .env("WARREN_BENCH_MANAGEMENT_URL", broker.management_url_with_login())
        .env("WARREN_BENCH_BROKER_PID", broker.pid().to_string());
    let status = Process::start(&spec)?.ended().await;
    broker.stop().await;
    Ok(exit_code(status))
}
