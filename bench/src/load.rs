//! The load: `wrk`, a closed loop over keep-alive connections.

use std::{path::Path, time::Duration};

use anyhow::{Context, ensure};
use tokio::process::Command;

/// What the clients saw.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// Answers in all.
    pub requests: f64,
    /// Answers a second.
    pub rate: f64,
    /// Median time to an answer, ms.
    pub p50_ms: f64,
    /// 99th percentile of it, ms.
    pub p99_ms: f64,
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Load<'a> {
    pub url: &'a str,
    pub token: &'a str,
    /// A script of wrk that makes the requests; GET without one.
    pub script: Option<&'a Path>,
}

/// Asks from so many connections. Any answer but 2xx is an error.
pub async fn run(load: &Load<'_>, connections: u32, time: Duration) -> anyhow::Result<Seen> {
    let mut wrk = Command::new("wrk");
    if let Some(script) = load.script {
        wrk.arg("--script").arg(script);
    }
    let output = wrk
        .args(["--latency", "--threads", "1", "--timeout", "10s"])
        .args(["--connections", &connections.to_string()])
        .args(["--duration", &format!("{}s", time.as_secs())])
        .args(["--header", &format!("Authorization: Bearer {}", load.token)])
        .arg(load.url)
        .output()
        .await
        .context("run wrk")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "wrk failed: {text}");
    let errors = text.contains("Non-2xx") || text.contains("Socket errors");
    ensure!(!errors, "the system did not answer all that it was asked: {text}");
    read(&text).with_context(|| format!("an unknown form of wrk's output: {text}"))
}

fn read(text: &str) -> Option<Seen> {
    let after = |label: &str| {
        let line = text.lines().find(|line| line.trim_start().starts_with(label))?;
        line.trim_start().strip_prefix(label)?.split_whitespace().next()
    };
    let requests = text.lines().find(|line| line.contains(" requests in "))?;
    Some(Seen {
        requests: requests.split_whitespace().next()?.parse().ok()?,
        rate: after("Requests/sec:")?.parse().ok()?,
        p50_ms: milliseconds(after("50%")?)?,
        p99_ms: milliseconds(after("99%")?)?,
    })
}

fn milliseconds(text: &str) -> Option<f64> {
    let units = [("us", 1e-3), ("ms", 1.0), ("s", 1e3)];
    let (unit, factor) = units.into_iter().find(|(unit, _)| text.ends_with(unit))?;
    text.strip_suffix(unit)?.parse::<f64>().ok().map(|number| number * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wrk_prints_is_understood() {
        let text = "  Latency Distribution\n     50%    7.07ms\n     99%    1.20s \n\
                    \x20 90234 requests in 10.01s, 40.99MB read\nRequests/sec:   9018.34\n";
        let seen = read(text).unwrap();
        assert_eq!((seen.requests, seen.rate), (90_234.0, 9018.34));
        assert_eq!((seen.p50_ms, seen.p99_ms), (7.07, 1200.0));
        assert!((milliseconds("250.00us").unwrap() - 0.25).abs() < 1e-9);
    }
}
