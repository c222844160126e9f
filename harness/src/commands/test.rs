//! `./dev test`.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use harness::checkout::Checkout;
use harness::postgres::{self, Postgres, THROWAWAY};
use harness::process::Process;
use harness::spec::{Output, Spec};
use harness::{Node, leftovers, node};

use crate::commands::exit_code;
use crate::commands::parts::Parts;
use crate::progress::Progress;
use crate::signals::Signals;

/// What `test` may be told.
#[derive(clap::Args)]
pub struct Options {
    /// How long it took to build what is tested: `./dev` did that.
    #[arg(long, env = "WARREN_BUILD_SECONDS", default_value_t, hide = true)]
    build_seconds: u64,
    /// Arguments for `cargo test`, such as `-p mesh` or the name of a test.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// Starts a broker and a database, runs the tests, and tells how long each part took.
pub async fn run(checkout: &Checkout, progress: &Progress, options: &Options) -> Result<ExitCode> {
    let mut signals = Signals::catch()?;
    leftovers::end(&checkout.run("test-pids")).await?;
    let code = tokio::select! {
        done = run_all(checkout, progress, options) => done,
        () = signals.next() => Ok(ExitCode::FAILURE), // all that runs ends with its handle
    };
    postgres::forget(&checkout.run("test-postgres")).await?; // it may lie outside the checkout
    code
}

async fn run_all(checkout: &Checkout, progress: &Progress, options: &Options) -> Result<ExitCode> {
    let mut parts = Parts::after_build(Duration::from_secs(options.build_seconds));
    let begun = Instant::now();
    let (broker, database) = tokio::try_join!(
        progress.step("RabbitMQ", start_broker(checkout)),
        progress.step("PostgreSQL", start_database(checkout)),
    )?;
    parts.add("RabbitMQ, PostgreSQL", begun.elapsed());
    let (reader, writer) = std::io::pipe().context("make a pipe")?;
    let color = if console::colors_enabled() { "always" } else { "never" };
    let mut spec = Spec::new("tests", "cargo", checkout.root(), checkout.run("test-pids"))
        .args(["test"])
        .args(selection(&options.args))
        .env("CARGO_TERM_COLOR", color)
        .env("MESH_TEST_AMQP_URL", broker.amqp_url())
        .env("MESH_TEST_MANAGEMENT_URL", broker.management_url_with_login())
        .env("TEST_POSTGRES_URL", database.server_url());
    spec.output = Output::Pipe(Arc::new(writer));
    let tests = Process::start(&spec)?;
    drop(spec); // with our end of the pipe, so that it ends when the tests do
    let watched = tokio::task::spawn_blocking(move || parts.watch(reader, std::io::stdout()));
    let status = tests.ended().await;
    let parts = watched.await.context("read the output of the tests")??;
    progress.say(&parts.table());
    drop((broker, database)); // nothing in them is worth a graceful end
    Ok(exit_code(status))
}

async fn start_broker(checkout: &Checkout) -> Result<Node> {
    let dir = checkout.run("test-broker");
    node::forget(&dir).await?;
    Node::start(&dir).await
}

async fn start_database(checkout: &Checkout) -> Result<Postgres> {
    let dir = checkout.run("test-postgres");
    postgres::forget(&dir).await?;
    Postgres::start(&dir, THROWAWAY).await
}

/// The whole workspace unless packages are named, and all failures rather than the first.
fn selection(args: &[String]) -> Vec<String> {
    let named = |arg: &String| arg.starts_with("-p") || arg.starts_with("--package");
    let ours = args.iter().take_while(|arg| *arg != "--");
    let scope = if ours.clone().any(named) { None } else { Some("--workspace") };
    let fixed = scope.into_iter().chain(["--no-fail-fast"]).map(str::to_owned);
    fixed.chain(args.iter().cloned()).collect()
}
