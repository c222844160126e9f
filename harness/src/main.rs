//! The program behind `./dev`: runs Warren and its tests on this machine.

mod commands;
mod progress;
mod settings;
mod signals;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use harness::checkout::Checkout;

use commands::{demo, down, logs, test, up};
use progress::Progress;

/// Runs Warren on this machine.
#[derive(Parser)]
#[command(name = "./dev", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts the broker and every service, and stops them at Ctrl-C.
    Up(up::Options),
    /// Stops what `up` started, from another terminal.
    Down,
    /// Follows the logs of one service, or of all.
    Logs(logs::Options),
    /// Runs every test, against a broker and a database of its own.
    Test(test::Options),
    /// Walks through what a running system does, and checks what it sees.
    Demo,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let progress = Progress::new();
    let outcome = tokio::runtime::Runtime::new()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(run(cli.command, &progress)));
    outcome.unwrap_or_else(|error| {
        progress.fail(&format!("{error:#}"));
        ExitCode::FAILURE
    })
}

async fn run(command: Command, progress: &Progress) -> Result<ExitCode> {
    let checkout = Checkout::here()?;
    match command {
        Command::Up(options) => up::run(&checkout, progress, &options).await,
        Command::Down => down::run(&checkout, progress).await,
        Command::Logs(options) => logs::run(&checkout, &options).await,
        Command::Test(options) => test::run(&checkout, progress, &options).await,
        Command::Demo => demo::run(&checkout, progress).await,
    }
}
