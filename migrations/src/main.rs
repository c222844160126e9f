//! Prepares the database of a service, or says how far it is: for operators. Services do it by
//! themselves when they start.

use std::{
    io::{Write, stdout},
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum, builder::PossibleValuesParser};
use mesh::database::{Database, DatabaseConfig};
use migrations::Schema;

/// Prepares the database of a service, or says how far it is
#[derive(Debug, Parser)]
#[command(name = "migrate", version)]
struct Arguments {
    /// Whose database
    #[arg(value_parser = PossibleValuesParser::new(migrations::ALL.iter().map(|s| s.service)))]
    service: String,
    /// What to do with it
    #[arg(default_value = "up")]
    action: Action,
    #[command(flatten)]
    database: DatabaseConfig,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Action {
    /// Apply what has not been applied yet
    Up,
    /// Say what has been applied
    Status,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&mesh::config::load()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say_error(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<()> {
    let schema = migrations::of(&arguments.service).context("there is no such service")?;
    let database = Database::connect(&arguments.database, schema.service).await?;
    if matches!(arguments.action, Action::Up) {
        schema.up(&database).await?;
    }
    list(schema, &database).await
}

async fn list(schema: &Schema, database: &Database) -> Result<()> {
    let mut out = stdout().lock();
    for step in schema.status(database).await? {
        let state = if step.applied { "applied" } else { "pending" };
        writeln!(out, "{state}  {}", step.name)?;
    }
    Ok(())
}

#[expect(clippy::print_stderr, reason = "this is for a person")]
fn say_error(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}
