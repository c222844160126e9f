//! Logs: one line for each thing that happened, for a person at a terminal or a collector.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use tracing_subscriber::{EnvFilter, fmt, prelude::*};

/// What is logged, and how.
#[derive(Debug, Clone, Args)]
pub struct TelemetryConfig {
    /// The form of log lines
    #[arg(long, value_name = "LOG_FORMAT", env = "LOG_FORMAT", default_value = "auto")]
    pub log_format: LogFormat,
    /// What is logged: a level (error, warn, info, debug, trace) or directives as of
    /// tracing-subscriber; RUST_LOG overrides it
    #[arg(long, value_name = "LOG_LEVEL", env = "LOG_LEVEL", default_value = "info")]
    pub log_level: EnvFilterText,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Pretty on a terminal, JSON elsewhere.
    Auto,
    /// For a person.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// Directives that have been checked.
#[derive(Debug, Clone)]
pub struct EnvFilterText(String);

impl std::str::FromStr for EnvFilterText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        EnvFilter::try_new(text).map_err(|error| error.to_string())?;
        Ok(Self(text.to_owned()))
    }
}

/// Starts logging to standard error. Called once, first thing in `main`.
pub fn init(config: &TelemetryConfig) {
    let asked = std::env::var("RUST_LOG").unwrap_or_else(|_| config.log_level.0.clone());
    // lapin's warnings print the bodies of returned messages, passwords included.
    let filter = EnvFilter::new(format!("{asked},lapin=error"));
    let json = match config.log_format {
        LogFormat::Auto => !std::io::stderr().is_terminal(),
        LogFormat::Pretty => false,
        LogFormat::Json => true,
    };
    let lines = fmt::layer().with_writer(std::io::stderr).with_target(false);
    let lines =
        if json { lines.json().flatten_event(true).boxed() } else { lines.compact().boxed() };
    // It fails only if logging has been started before, by a test or by the embedding program.
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
}
