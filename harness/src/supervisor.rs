//! Keeps a service running until told otherwise.

use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::process::Process;
use crate::spec::Spec;

/// How long a service that ended by itself stays down.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a service may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(15);

/// A service that is started again whenever it ends by itself.
#[derive(Debug)]
pub struct Supervised {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Supervised {
    /// Starts what `spec` says and watches it. `tell` is called with a sentence for people
    /// whenever it ended by itself.
    pub fn start(spec: Spec, tell: impl Fn(String) + Send + 'static) -> Result<Self> {
        let process = Process::start(&spec)?;
        let stop = CancellationToken::new();
        let task = tokio::spawn(watch(spec, process, stop.clone(), tell));
        Ok(Self { stop, task })
    }

    /// Ends the service gracefully, by force after 15 s. It is gone when this returns.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = self.task.await;
    }
}

async fn watch(
    spec: Spec,
    mut process: Process,
    stop: CancellationToken,
    tell: impl Fn(String) + Send,
) {
    loop {
        tokio::select! {
            () = stop.cancelled() => { process.stop(GRACE).await; return }
            status = process.ended() => {
                let how = status.map_or("without a status".to_owned(), |status| status.to_string());
                tell(format!("{} ended ({how}) and is started again in 1 s", spec.name));
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
