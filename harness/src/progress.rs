//! What people see: steps with their times, and plain lines where nobody watches.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use anyhow::Result;
use console::style;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Tells on the terminal what goes on. Several steps may run side by side.
#[derive(Debug, Clone)]
pub struct Progress {
    bars: MultiProgress,
    watched: bool,
}

impl Progress {
    /// Lively on a terminal, one plain line per event elsewhere.
    pub fn new() -> Self {
        Self { bars: MultiProgress::new(), watched: io::stderr().is_terminal() }
    }

    /// Prints a line, above whatever moves.
    pub fn say(&self, line: &str) {
        // Nothing can be told to somebody who has closed the terminal.
        let _ = self.bars.suspend(|| writeln!(io::stdout(), "{line}"));
    }

    /// Prints why something failed.
    pub fn fail(&self, why: &str) {
        let _ = self.bars.suspend(|| writeln!(io::stderr(), "{} {why}", style("✗").red().bold()));
    }

    /// Runs a step, showing that it runs and then how long it took.
    pub async fn step<T>(&self, name: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        let (running, start) = (Running(self.begin(name)), Instant::now());
        let outcome = work.await;
        drop(running);
        if outcome.is_ok() {
            self.say(&format!("{} {name:<42} {}", style("✓").green(), seconds(start.elapsed())));
        }
        outcome
    }

    fn begin(&self, name: &str) -> ProgressBar {
        if !self.watched {
            self.say(&format!("· {name}"));
            return ProgressBar::hidden();
        }
        let bar = self.bars.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("{spinner:.cyan} {msg:<42} {elapsed:>6}") {
            bar.set_style(style);
        }
        bar.set_message(name.to_owned());
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    }
}

/// A step that is shown until it is over, however it ends.
struct Running(ProgressBar);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// `4.8 s`, aligned.
pub fn seconds(time: Duration) -> String {
    format!("{:>6.1} s", time.as_secs_f64())
}
