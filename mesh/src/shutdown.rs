//! The signals by which a process is asked to stop.

use tokio::signal::unix::{SignalKind, signal as hear};

/// Completes at SIGTERM or SIGINT. If signals cannot be heard it never does, and says so.
pub async fn signal() {
    let (mut term, mut int) = match (hear(SignalKind::terminate()), hear(SignalKind::interrupt())) {
        (Ok(term), Ok(int)) => (term, int),
        (Err(error), _) | (_, Err(error)) => {
            tracing::error!(%error, "cannot hear signals; stop this process by SIGKILL");
            return std::future::pending().await;
        }
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}
