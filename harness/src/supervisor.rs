//! Keeps a service running until told otherwise.

use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::logs;
use crate::process::Process;
use crate::spec::{Output, Spec};

/// How long a service that ended by itself stays down.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a service may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(15);

/// A service that is started again whenever it ends by itself. Dropping it kills it.
#[derive(Debug)]
pub struct Supervised {
    name: String,
    crashes: Arc<AtomicU32>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Supervised {
    /// Starts what `spec` says and watches it. `tell` is called with a sentence for people
    /// whenever it ended by itself.
    pub fn start(spec: Spec, tell: impl Fn(String) + Send + 'static) -> Result<Self> {
        let (name, process) = (spec.name.clone(), Process::start(&spec)?);
        let (stop, crashes) = (CancellationToken::new(), Arc::new(AtomicU32::new(0)));
        let watch = watch(spec, process, stop.clone(), Arc::clone(&crashes), tell);
        Ok(Self { name, crashes, stop, task: tokio::spawn(watch) })
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How often it has ended by itself so far.
    pub fn crashes(&self) -> u32 {
        self.crashes.load(Ordering::Relaxed)
    }

    /// Ends the service gracefully, by force after 15 s. It is gone when this returns.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let _ = (&mut self.task).await;
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        self.task.abort(); // and with it goes the process
    }
}

async fn watch(
    spec: Spec,
    mut process: Process,
    stop: CancellationToken,
    crashes: Arc<AtomicU32>,
    tell: impl Fn(String) + Send,
) {
    loop {
        tokio::select! {
            () = stop.cancelled() => { process.stop(GRACE).await; return }
            status = process.ended() => {
                crashes.fetch_add(1, Ordering::Relaxed);
                tell(obituary(&spec, status));
            }
        }
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(PAUSE) => {}
            }
            match Process::start(&spec) {
                Ok(started) => break process = started,
                Err(error) => tell(format!("{error:#}; tried again in 1 s")),
            }
        }
    }
}

/// How a service ended, with what it said last.
fn obituary(spec: &Spec, status: Option<ExitStatus>) -> String {
    let how = status.map_or("nobody knows how".to_owned(), |status| status.to_string());
    let by_itself = status.is_some_and(|status| status.code().is_some());
    let last_words = match &spec.output {
        Output::Log(log) if by_itself => logs::last_lines(log, 1),
        _ => None,
    };
    let last_words = last_words.map_or_else(String::new, |line| format!(": {}", line.trim()));
    format!("{} ended ({how}) and is started again in 1 s{last_words}", spec.name)
}
