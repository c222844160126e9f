//! `./dev test`.

use std::process::{ExitCode, ExitStatus};
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
    parts.add(&format!("RabbitMQ {}, PostgreSQL", broker.version()), begun.elapsed());
    let mut code = ExitCode::SUCCESS;
    for round in rounds(&options.args) {
        let spec = spec(checkout, &round)
            .env("MESH_TEST_AMQP_URL", broker.amqp_url())
            .env("MESH_TEST_MANAGEMENT_URL", broker.management_url_with_login())
            .env("TEST_POSTGRES_URL", database.server_url());
        let (status, so_far) = watch(spec, parts.named(round.suffix)).await?;
        parts = so_far;
        if !status.is_some_and(|status| status.success()) {
            code = exit_code(status);
        }
    }
    progress.say(&parts.table());
    drop((broker, database)); // nothing in them is worth a graceful end
    Ok(code)
}

/// One call of `cargo test`.
struct Round {
    args: Vec<String>,
    env: &'static [(&'static str, &'static str)],
    /// What its parts are called, after their own names.
    suffix: &'static str,
}

/// Everything, and the stories of the whole system a second time, on PostgreSQL with two
/// instances of each service; or no more than was asked for.
fn rounds(asked: &[String]) -> Vec<Round> {
    let first = Round { args: selection(asked), env: &[], suffix: "" };
    if !asked.is_empty() {
        return vec![first];
    }
    // Of the whole workspace, too: `-p e2e` would have much of it built anew, with other features.
    let stories = selection(&["--test", "stories"].map(str::to_owned));
    let env = &[("E2E_DATABASE", "postgres")];
    vec![first, Round { args: stories, env, suffix: ", on PostgreSQL" }]
}

fn spec(checkout: &Checkout, round: &Round) -> Spec {
    let color = if console::colors_enabled() { "always" } else { "never" };
    let spec = Spec::new("tests", "cargo", checkout.root(), checkout.run("test-pids"))
        .args(["test"])
        .args(&round.args)
        .env("CARGO_TERM_COLOR", color);
    round.env.iter().fold(spec, |spec, (name, value)| spec.env(*name, *value))
}

/// Runs the tests to their end, and notes their parts.
async fn watch(mut spec: Spec, parts: Parts) -> Result<(Option<ExitStatus>, Parts)> {
    let (reader, writer) = std::io::pipe().context("make a pipe")?;
    spec.output = Output::Pipe(Arc::new(writer));
    let tests = Process::start(&spec)?;
    drop(spec); // with our end of the pipe, so that it ends when the tests do
    let watched = tokio::task::spawn_blocking(move || parts.watch(reader, std::io::stdout()));
    let status = tests.ended().await;
    let parts = watched.await.context("read the output of the tests")??;
    Ok((status, parts))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn commands(asked: &[&str]) -> Vec<String> {
        let asked: Vec<_> = asked.iter().map(|arg| (*arg).to_owned()).collect();
        rounds(&asked).iter().map(|round| round.args.join(" ")).collect()
    }

    #[test]
    fn only_what_was_asked_for_runs() {
        assert_eq!(commands(&["-p", "mesh"]), ["--no-fail-fast -p mesh"]);
        assert_eq!(commands(&["calls::"]), ["--workspace --no-fail-fast calls::"]);
        assert_eq!(commands(&["--", "-p"]), ["--workspace --no-fail-fast -- -p"]);
        let everything = commands(&[]);
        assert_eq!(everything[0], "--workspace --no-fail-fast");
        assert_eq!(everything[1], "--workspace --no-fail-fast --test stories");
    }
}
