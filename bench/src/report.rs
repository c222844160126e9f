//! The page on which the figures stand.

use std::{fmt::Write, path::Path};

use anyhow::Context;

use crate::scenario::{Effort, Measured};

/// All that was measured.
pub struct Report {
    pub profile: Vec<Measured>,
    pub orders_sqlite: Vec<Measured>,
    pub orders_postgres: Vec<Measured>,
}

const PROFILE: &str = "One request with a token: checked at the gateway, one request/reply over \
    RabbitMQ, one row from the database (SQLite).";
const ORDERS: &str = "Durable (with fsync), once for its `Idempotency-Key`: inbox, order, first \
    step, outbox and reply in one commit; then the event over RabbitMQ.";

/// Writes the page, and says so.
pub fn write(page: &Path, report: &Report, effort: Effort) -> anyhow::Result<()> {
    let text = text(report, effort)?;
    std::fs::write(page, &text).with_context(|| format!("write {}", page.display()))?;
    say(&format!("{text}\nwritten to {}", page.display()));
    Ok(())
}

fn text(report: &Report, effort: Effort) -> anyhow::Result<String> {
    let mut text = format!(
        "# Benchmarks\n\n\
         Made by `./dev bench --seconds {} --rounds {}`, release build, with everything (load, \
         gateway, services, databases, RabbitMQ with its management plugin) on one machine: {}. \
         Such a machine is noisy: compare rows of one run with one another, not runs.\n\n\
         Load: `wrk`, a closed loop over keep-alive connections. Each row is the median of its \
         rounds by rate. CPU is in seconds for 10,000 requests.\n",
        effort.time.as_secs(),
        effort.rounds,
        machine(),
    );
    table(&mut text, "GET /api/users/profile", PROFILE, "user-svc", &report.profile)?;
    table(&mut text, "POST /api/orders on SQLite", ORDERS, "order-svc", &report.orders_sqlite)?;
    let rows = &report.orders_postgres;
    table(&mut text, "POST /api/orders on PostgreSQL", ORDERS, "order-svc", rows)?;
    Ok(text)
}

fn table(
    text: &mut String,
    title: &str,
    what: &str,
    service: &str,
    rows: &[Measured],
) -> anyhow::Result<()> {
    writeln!(
        text,
        "\n## {title}\n\n{what}\n\n\
         | connections | requests/s | p50 ms | p99 ms | CPU gateway | CPU {service} | CPU broker |\n\
         |---|---|---|---|---|---|---|",
    )?;
    for Measured { connections, seen, cpu: [gateway, service, broker] } in rows {
        writeln!(
            text,
            "| {connections} | {:.0} | {:.2} | {:.2} | {gateway:.2} | {service:.2} | {broker:.2} |",
            seen.rate, seen.p50_ms, seen.p99_ms,
        )?;
    }
    Ok(())
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
