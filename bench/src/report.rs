//! The page on which the figures stand.

use std::{fmt::Write, path::Path, time::Duration};

use anyhow::Context;

use crate::scenario::Measured;

/// Writes the page, and says so.
pub fn write(
    page: &Path,
    measured: &[Measured],
    time: Duration,
    rounds: u32,
) -> anyhow::Result<()> {
    let text = text(measured, time, rounds)?;
    std::fs::write(page, &text).with_context(|| format!("write {}", page.display()))?;
    say(&format!("{text}\nwritten to {}", page.display()));
    Ok(())
}

fn text(measured: &[Measured], time: Duration, rounds: u32) -> anyhow::Result<String> {
    let mut text = format!(
        "# Benchmarks\n\n\
         Made by `./dev bench --seconds {} --rounds {rounds}`, release build, with everything (load, \
         gateway, user-svc on SQLite, RabbitMQ with its management plugin) on one machine: {}. \
         Such a machine is noisy: compare rows of one run with one another, not runs.\n\n\
         ## GET /api/users/profile\n\n\
         One request with a token: checked at the gateway, one request/reply over RabbitMQ, one \
         row from the database. Load: `wrk`, a closed loop over keep-alive connections. Each row \
         is the median of its rounds by rate. CPU is in seconds for 10,000 requests.\n\n\
         | connections | requests/s | p50 ms | p99 ms | CPU gateway | CPU user-svc | CPU broker |\n\
         |---|---|---|---|---|---|---|\n",
        time.as_secs(),
        machine(),
    );
    for Measured { connections, seen, gateway, user_svc, broker } in measured {
        writeln!(
            text,
            "| {connections} | {:.0} | {:.2} | {:.2} | {gateway:.2} | {user_svc:.2} | {broker:.2} |",
            seen.rate, seen.p50_ms, seen.p99_ms,
        )?;
    }
    Ok(text)
}

/// Cores and model, as the kernel tells them.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("unknown", |text| text.trim_start_matches([' ', '\t', ':']));
    format!("{cores} cores ({model})")
}

#[expect(clippy::print_stdout, reason = "this is a program for a person at a terminal")]
fn say(text: &str) {
    println!("{text}");
}
