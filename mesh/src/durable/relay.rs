//! Publishes what the outbox holds: at once what this instance wrote, and, as the holder of the
//! lease, what others left behind.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream::FuturesOrdered};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    inbox, lease,
    outbox::{self, Stored},
};
use crate::{
    database::Database,
    envelope,
    link::{Care, Outgoing},
    mesh::Mesh,
    pending::Settlement,
    topology,
};

/// Events that wait to be published; more are left to the sweeper.
const WAITING: usize = 4096;
/// Events published and not yet confirmed.
const UNCONFIRMED: usize = 256;
/// How often the holder of the lease looks for what was left behind.
const SWEEP: Duration = Duration::from_secs(1);
/// How often what is too old is forgotten.
const FORGET: Duration = Duration::from_secs(3600);
/// How long the broker may take to confirm.
const CONFIRM: Duration = Duration::from_secs(10);

/// The way to the relay's task.
#[derive(Debug)]
pub(crate) struct Relay {
    committed: mpsc::Sender<Stored>,
    /// What the manifest says that this member tells.
    emits: Vec<&'static str>,
}

/// The relay's tasks.
#[derive(Debug, Clone)]
struct Worker {
    mesh: Mesh,
    database: Database,
}

/// What became of an event.
enum Told {
    Confirmed,
    /// A subscriber's queue is full.
    Refused,
    /// There is no broker now.
    NoLink,
}

impl Relay {
    /// Starts publishing for `mesh`, until `stop`.
    pub fn start(mesh: &Mesh, database: &Database, stop: CancellationToken) -> Arc<Self> {
        let (committed, waiting) = mpsc::channel(WAITING);
        let worker = Worker { mesh: mesh.clone(), database: database.clone() };
        let sweeper = worker.clone();
        let stopped = stop.clone();
        tokio::spawn(async move { worker.publish(waiting, stop).await });
        tokio::spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                () = sweeper.sweep() => {}
            }
        });
        let emits = mesh.manifest().emits.keys().copied().collect();
        Arc::new(Self { committed, emits })
    }

    /// Whether the manifest lists the event.
    pub fn may_tell(&self, key: &str) -> bool {
        self.emits.contains(&key)
    }

    /// An event whose change has just become durable.
    pub fn tell(&self, event: Stored) {
        #[cfg(feature = "testing")]
        crate::testing::failpoint("between commit and publish");
        // One that finds no room is told by the sweeper.
        let _ = self.committed.try_send(event);
    }
}

impl Worker {
    /// What this instance commits, in the order of the commits.
    async fn publish(&self, mut waiting: mpsc::Receiver<Stored>, stop: CancellationToken) {
        let mut unconfirmed = FuturesOrdered::new();
        let mut told: Vec<Uuid> = Vec::new();
        loop {
            tokio::select! {
                biased;
                Some((event, outcome)) = unconfirmed.next() => {
                    self.settle(event, outcome, &mut told).await;
                    // One statement for all that were confirmed together.
                    if unconfirmed.is_empty() || told.len() >= UNCONFIRMED {
                        self.remove(&mut told).await;
                    }
                }
                event = waiting.recv(), if unconfirmed.len() < UNCONFIRMED => match event {
                    Some(event) => unconfirmed.push_back(self.tell(event)),
                    None => break,
                },
                // What has not been told by now is told by whoever lives.
                () = stop.cancelled(), if waiting.is_empty() => break,
            }
        }
        while let Some((event, outcome)) = unconfirmed.next().await {
            self.settle(event, outcome, &mut told).await;
        }
        self.remove(&mut told).await;
    }

    async fn settle(&self, event: Stored, outcome: Told, told: &mut Vec<Uuid>) {
        match outcome {
            Told::Confirmed => told.push(event.id),
            Told::Refused => {
                tracing::warn!(key = %event.key, event_id = %event.id, "a subscriber's queue is full");
                metrics::counter!("mesh_events_refused_total").increment(1);
                let put_off = outbox::put_off(self.database.write(), &event).await;
                log("put an event off", put_off);
            }
            // The sweeper tells it when the broker is back.
            Told::NoLink => {}
        }
    }

    async fn remove(&self, told: &mut Vec<Uuid>) {
        if told.is_empty() {
            return;
        }
        let ids = std::mem::take(told);
        let removed = async {
            let change = self.database.begin().await?;
            outbox::remove(&change, ids).await?;
            change.commit().await
        };
        // What stays is told once more, and known by its id.
        log("mark events as told", removed.await);
    }

    async fn tell(&self, event: Stored) -> (Stored, Told) {
        let Some(session) = self.mesh.member().link.session() else {
            return (event, Told::NoLink);
        };
        let (ticket, settled) = self.mesh.member().pending.register();
        let sent = session.send_call(Outgoing {
            exchange: topology::EVENTS.into(),
            routing_key: event.key.as_str().into(),
            properties: envelope::write_event(&event, self.mesh.identity(), ticket.correlation),
            body: event.body.clone().into(),
            care: Care::Confirm(ticket.correlation),
        });
        if sent.is_err() {
            return (event, Told::NoLink);
        }
        drop(session);
        let outcome = match tokio::time::timeout(CONFIRM, settled).await {
            Ok(Ok(Settlement::Confirmed)) => Told::Confirmed,
            Ok(Ok(Settlement::Nacked)) => Told::Refused,
            _ => Told::NoLink,
        };
        (event, outcome)
    }

    /// As the holder of the lease: what writers left behind, and what is too old to keep.
    async fn sweep(&self) {
        let mut every = tokio::time::interval(SWEEP);
        let mut forget = tokio::time::interval(FORGET);
        loop {
            tokio::select! {
                _ = forget.tick() => {
                    log("forget old requests", inbox::forget_old(self.database.write()).await);
                }
                _ = every.tick() => log("tell what was left behind", self.sweep_once().await),
            }
        }
    }

    async fn sweep_once(&self) -> Result<(), sea_orm::DbErr> {
        let linked = self.mesh.is_connected();
        if !linked || !lease::hold(&self.database, &self.mesh.identity().instance).await? {
            return Ok(());
        }
        loop {
            let due = outbox::due(self.database.read()).await?;
            let (found, mut told) = (due.len() as u64, Vec::new());
            let mut outcomes: FuturesOrdered<_> =
                due.into_iter().map(|event| self.tell(event)).collect();
            let mut linked = true;
            while let Some((event, outcome)) = outcomes.next().await {
                linked &= !matches!(outcome, Told::NoLink);
                self.settle(event, outcome, &mut told).await;
            }
            self.remove(&mut told).await;
            if found < outbox::BATCH || !linked {
                return Ok(());
            }
        }
    }
}

fn log<T>(what: &str, result: Result<T, sea_orm::DbErr>) {
    if let Err(error) = result {
        tracing::warn!(%error, "cannot {what}; trying again later");
    }
}
