//! CPU time that a process has taken, from `/proc/<pid>/stat` (see `man 5 proc`).

use anyhow::Context;

/// Clock ticks in a second: 100 on every Linux that Rust runs on.
const TICKS: f64 = 100.0;

/// User and system time of all threads of `pid` so far, seconds.
pub fn seconds(pid: i32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("read CPU times")?;
    // The name, in parentheses, may contain anything; what follows are numbers.
    let (_, numbers) = stat.rsplit_once(')').context("an unknown form of /proc/pid/stat")?;
    let ticks: Vec<f64> =
        numbers.split_whitespace().skip(11).take(2).filter_map(|n| n.parse().ok()).collect();
    anyhow::ensure!(ticks.len() == 2, "an unknown form of /proc/pid/stat");
    Ok(ticks.iter().sum::<f64>() / TICKS)
}
