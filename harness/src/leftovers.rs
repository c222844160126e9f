//! Ends what an interrupted run left behind.
//!
//! Each running child has a file `<name>.pid` holding its process id and the moment it was
//! started, so that a process which merely got the same id later is never touched.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::time::{Instant, sleep};

/// How long a leftover process may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(15);

const POLL: Duration = Duration::from_millis(50);

/// Records that `pid` runs, in the file `path`.
pub(crate) fn record(path: &Path, pid: Pid) -> Result<()> {
    let started = started(pid).context("the process ended at once")?;
    fs::write(path, format!("{} {started}\n", pid.as_raw_pid()))
        .with_context(|| format!("write {}", path.display()))
}

/// Ends every process recorded in `dir` that still runs, and removes the records. A folder
/// that does not exist holds none.
pub async fn end(dir: &Path) -> Result<()> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("read {}", dir.display())),
    };
    for entry in entries {
        let path = entry.with_context(|| format!("read {}", dir.display()))?.path();
        end_one(&path).await;
        let _ = fs::remove_file(&path);
    }
    Ok(())
}

async fn end_one(record: &Path) {
    let Some((pid, started)) = read(record) else { return };
    let deadline = Instant::now() + GRACE;
    let _ = kill_process_group(pid, Signal::TERM);
    while runs(pid, started) && Instant::now() < deadline {
        sleep(POLL).await;
    }
    while runs(pid, started) {
        let _ = kill_process_group(pid, Signal::KILL);
        sleep(POLL).await;
    }
}

/// The recorded process, if it still is the one that was recorded.
fn read(record: &Path) -> Option<(Pid, u64)> {
    let content = fs::read_to_string(record).ok()?;
    let (pid, started) = content.trim().split_once(' ')?;
    let pid = Pid::from_raw(pid.parse().ok()?)?;
    let started = started.parse().ok()?;
    runs(pid, started).then_some((pid, started))
}

fn runs(pid: Pid, since: u64) -> bool {
    started(pid) == Some(since)
}

/// When a process was started, in clock ticks since boot; `None` if it has ended.
fn started(pid: Pid) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid())).ok()?;
    // The second field is the program's name in brackets and may hold anything; after it
    // come the state (field 3) and, as field 22, the start (proc(5)).
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    let state = fields.next()?;
    if state == "Z" {
        return None; // ended, and only waits for its parent to look
    }
    fields.nth(18)?.parse().ok()
}
