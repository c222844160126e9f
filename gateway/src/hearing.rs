//! What the gateway hears from the services, beside the HTTP that it serves: sessions that end.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use common_messages::user::{GetRevokedSessions, UserError, UserSessionRevoked};
use mesh::{CallError, Ctx, Heard, Mesh, Service, StopError};
use tokio::{sync::oneshot, task::JoinHandle};

use crate::state::State;

/// How soon again if the revoked sessions cannot be had.
const AGAIN: Duration = Duration::from_millis(250);
/// How long user-svc has to tell them.
const WITHIN: Duration = Duration::from_secs(2);

/// The gateway's life on the mesh.
#[derive(Debug)]
pub struct Hearing {
    mesh: Mesh,
    stop: oneshot::Sender<()>,
    life: JoinHandle<Result<(), StopError>>,
    snapshots: JoinHandle<()>,
}

impl Hearing {
    /// Hears from here on, whenever there is a connection to the broker.
    pub fn start(state: &Arc<State>) -> Self {
        let (stop, told) = oneshot::channel();
        let mesh = state.mesh.clone();
        let service = Service::new(mesh.clone(), Arc::clone(state)).on_each(revoked);
        let life = tokio::spawn(service.run_until(async {
            // Told or dropped: both mean stop.
            let _ = told.await;
        }));
        let snapshots = tokio::spawn(keep_up(Arc::clone(state)));
        Self { mesh, stop, life, snapshots }
    }

    /// Completes, with the reason, only if it cannot go on.
    pub async fn failed(&mut self) -> anyhow::Error {
        match (&mut self.life).await.context("hear events").map(|ended| ended.err()) {
            Ok(Some(error)) => anyhow::Error::new(error).context("hear events"),
            Ok(None) => anyhow::anyhow!("the gateway has left the mesh by itself"),
            Err(error) => error,
        }
    }

    /// Leaves the mesh: nothing is heard, and nobody can be asked any more.
    ///
    /// # Errors
    /// If what had been heard could not be dealt with in the time of grace.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.snapshots.abort();
        if self.life.is_finished() {
            self.mesh.stop().await;
            return Ok(());
        }
        drop(self.stop);
        self.life.await.context("leave the mesh")?.context("leave the mesh")
    }
}

async fn revoked(ctx: Ctx<Arc<State>>, event: UserSessionRevoked) -> Heard {
    ctx.app().tokens.revoked().add(event.session_id);
    Ok(())
}

/// What was told while nobody listened here is asked for, each time that listening begins.
async fn keep_up(state: Arc<State>) {
    let mut beginnings = state.mesh.beginnings();
    while beginnings.next().await {
        while let Err(error) = take_snapshot(&state).await {
            tracing::debug!(%error, "cannot ask for the revoked sessions; trying again");
            tokio::time::sleep(AGAIN).await;
        }
    }
}

async fn take_snapshot(state: &State) -> Result<(), CallError<UserError>> {
    let told = state.mesh.call(GetRevokedSessions {}).within(WITHIN).await?;
    told.sessions.iter().for_each(|session| state.tokens.revoked().add(session.id));
    tracing::info!(sessions = told.sessions.len(), "took the revoked sessions");
    Ok(())
}
