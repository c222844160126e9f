//! One child process, which cannot outlive us.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::leftovers;
use crate::spec::Spec;

/// A running child process. It leads a process group of its own, so that Ctrl-C at the
/// terminal reaches only us; dropping it kills the whole group.
#[derive(Debug)]
pub struct Process {
    name: String,
    pid: Pid,
    stop_signal: Signal,
    alive: Arc<Mutex<bool>>,
    ended: watch::Receiver<Option<ExitStatus>>,
    keeper: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts a process. It is running when this returns, and no more than that.
    pub fn start(spec: &Spec) -> Result<Self> {
        let starting = || format!("start {} ({})", spec.name, spec.program.display());
        fs::create_dir_all(&spec.records).with_context(starting)?;
        let (command, record) = (spec.command().with_context(starting)?, spec.record());
        let alive = Arc::new(Mutex::new(true));
        let (birth, born) = mpsc::sync_channel(1);
        let (ending, ended) = watch::channel(None);
        // The kernel's signal is tied to the thread that started the child, not to the whole
        // of us. So each child has a thread that lives exactly as long as it does.
        let keeper = thread::Builder::new().name(format!("keep {}", spec.name)).spawn({
            let alive = Arc::clone(&alive);
            move || keep(command, &record, &birth, &alive, &ending)
        })?;
        let pid = born.recv().context("the keeper is gone")?.with_context(starting)?;
        Ok(Self {
            name: spec.name.clone(),
            pid,
            stop_signal: spec.stop_signal.signal(),
            alive,
            ended,
            keeper: Some(keeper),
        })
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw_pid()
    }

    /// Waits until it has ended by itself or by a signal.
    pub async fn ended(&self) -> Option<ExitStatus> {
        let mut ended = self.ended.clone();
        ended.wait_for(Option::is_some).await.ok().and_then(|status| *status)
    }

    /// How it ended, if it has.
    pub fn status(&self) -> Option<ExitStatus> {
        *self.ended.borrow()
    }

    /// Asks it to end, and kills its whole group if it has not within `grace`.
    pub async fn stop(&self, grace: Duration) -> Option<ExitStatus> {
        self.signal(self.stop_signal);
        if let Ok(status) = timeout(grace, self.ended()).await {
            return status;
        }
        self.signal(Signal::KILL);
        self.ended().await
    }

    /// Kills its whole group (SIGKILL), and returns when the process is gone.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        if let Some(keeper) = self.keeper.take() {
            let _ = keeper.join();
        }
    }

    fn signal(&self, signal: Signal) {
        // While `alive` the id cannot have been given to another process: see `keep`.
        if *lock(&self.alive) {
            let _ = kill_process_group(self.pid, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn keep(
    mut command: Command,
    record: &Path,
    birth: &mpsc::SyncSender<Result<Pid>>,
    alive: &Mutex<bool>,
    ending: &watch::Sender<Option<ExitStatus>>,
) {
    let (mut child, pid) = match spawn(&mut command, record) {
        Ok(child) => child,
        Err(error) => {
            let _ = birth.send(Err(error));
            return;
        }
    };
    drop(command); // with its ends of log and pipe
    let _ = birth.send(Ok(pid));
    // Wait without collecting it, so that its id, which is its group's, stays taken until the
    // rest of the group is ended and nobody will signal it any more.
    let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
    let mut alive = lock(alive);
    let _ = kill_process_group(pid, Signal::KILL);
    let _ = fs::remove_file(record);
    let status = child.wait().ok();
    *alive = false;
    ending.send_replace(status);
}

fn spawn(command: &mut Command, record: &Path) -> Result<(Child, Pid)> {
    let mut child = command.spawn()?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("a process id")?;
    if let Err(error) = leftovers::record(record, pid) {
        let _ = child.kill();
        let status = child.wait()?;
        return Err(error.context(status));
    }
    Ok((child, pid))
}

fn lock(alive: &Mutex<bool>) -> MutexGuard<'_, bool> {
    alive.lock().unwrap_or_else(PoisonError::into_inner)
}
