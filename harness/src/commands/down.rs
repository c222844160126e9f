//! `./dev down`, and how `up` can be found from another terminal.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use harness::checkout::Checkout;
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::timeout;

use crate::progress::Progress;

/// Longer than services and broker may take to end one after the other.
const PATIENCE: Duration = Duration::from_secs(90);

/// Held by the one `up` of a checkout while it runs, by the kernel: it cannot go stale.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

impl RunLock {
    /// Takes it, or says that another `up` has it.
    pub fn take(checkout: &Checkout) -> Result<Self> {
        let mut file = open(checkout)?;
        if let Err(error) = file.try_lock() {
            let TryLockError::WouldBlock = error else { bail!("lock .run/up.lock: {error}") };
            let pid = pid(&mut file)?.as_raw_pid();
            bail!("Warren already runs from this checkout (process {pid}): `./dev down` stops it");
        }
        file.set_len(0).context("empty .run/up.lock")?;
        write!(file, "{}", std::process::id()).context("write .run/up.lock")?;
        Ok(Self { _file: file })
    }
}

/// Stops a running `up` and waits until it has.
pub async fn run(checkout: &Checkout, progress: &Progress) -> Result<ExitCode> {
    let mut file = open(checkout)?;
    match file.try_lock() {
        Ok(()) => progress.say("Nothing runs from this checkout."),
        Err(TryLockError::Error(error)) => return Err(error).context("lock .run/up.lock"),
        Err(TryLockError::WouldBlock) => {
            kill_process(pid(&mut file)?, Signal::TERM).context("ask `up` to stop")?;
            progress.step("stop", released(file)).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn released(file: File) -> Result<()> {
    let released = tokio::task::spawn_blocking(move || file.lock());
    let released = timeout(PATIENCE, released).await.context("`up` does not end")?;
    released?.context("lock .run/up.lock")
}

fn open(checkout: &Checkout) -> Result<File> {
    let path = checkout.run("up.lock");
    std::fs::create_dir_all(checkout.run("")).context("make .run")?;
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
    file.with_context(|| format!("open {}", path.display()))
}

fn pid(file: &mut File) -> Result<Pid> {
    let mut content = String::new();
    file.rewind().and_then(|()| file.read_to_string(&mut content)).context("read .run/up.lock")?;
    let pid = content.trim().parse().ok().and_then(Pid::from_raw);
    pid.context("the other `up` has only just started: try again")
}
