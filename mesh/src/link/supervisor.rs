//! Connect, run until the first fault, fail what was pending, start again; for ever.

use std::{sync::Arc, time::Duration};

use lapin::uri::AMQPUri;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{session::Session, subscription::Subscription};
use crate::{backoff::Backoff, identity::Identity, pending::Pending};

const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// Queues that one process may consume from.
const SUBSCRIPTIONS: usize = 64;

/// The supervised connection.
#[derive(Debug)]
pub(crate) struct Link {
    session: watch::Receiver<Option<Arc<Session>>>,
    ready: watch::Receiver<bool>,
    begun: watch::Receiver<u64>,
    subscribe: mpsc::Sender<Subscription>,
    stop: CancellationToken,
    task: tokio::sync::Mutex<Option<tokio::task::JoinHandle<()>>>,
}

impl Link {
    /// Starts to keep a connection up. `replies` is consumed in every session.
    pub(crate) fn start(
        uri: AMQPUri,
        identity: Identity,
        pending: Arc<Pending>,
        replies: Subscription,
    ) -> Self {
        let (current, session) = watch::channel(None);
        let (all_open, ready) = watch::channel(false);
        let (beginnings, begun) = watch::channel(0);
        let (subscribe, subscriptions) = mpsc::channel(SUBSCRIPTIONS);
        let stop = CancellationToken::new();
        let supervisor = Supervisor {
            uri,
            identity,
            pending,
            replies,
            current,
            all_open,
            beginnings,
            wanted: subscriptions,
            open: Vec::new(),
            stop: stop.clone(),
        };
        let task = tokio::sync::Mutex::new(Some(tokio::spawn(supervisor.run())));
        Self { session, ready, begun, subscribe, stop, task }
    }

    /// The session as it is now, if there is one.
    pub(crate) fn session(&self) -> Option<Arc<Session>> {
        self.session.borrow().clone()
    }

    /// Whether there is a session in which everything is consumed that is wanted; changes with
    /// each, for those who begin anew.
    pub(crate) fn ready(&self) -> watch::Receiver<bool> {
        self.ready.clone()
    }

    /// Counts how often a queue has begun to be consumed from, in this session or a new one: what
    /// came before may have been missed.
    pub(crate) fn begun(&self) -> watch::Receiver<u64> {
        self.begun.clone()
    }

    /// Consumes from one more queue, in this session and all that follow.
    pub(crate) async fn subscribe(&self, subscription: Subscription) {
        // It can only fail when the link has been stopped.
        let _ = self.subscribe.send(subscription).await;
    }

    /// Closes the connection for good.
    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        if let Some(task) = self.task.lock().await.take() {
            // A supervisor that panicked is stopped, too.
            let _ = task.await;
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

struct Supervisor {
    uri: AMQPUri,
    identity: Identity,
    pending: Arc<Pending>,
    replies: Subscription,
    current: watch::Sender<Option<Arc<Session>>>,
    all_open: watch::Sender<bool>,
    beginnings: watch::Sender<u64>,
    wanted: mpsc::Receiver<Subscription>,
    open: Vec<Subscription>,
    stop: CancellationToken,
}

impl Supervisor {
    async fn run(mut self) {
        let stop = self.stop.clone();
        let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
        while !stop.is_cancelled() {
            let opened = tokio::select! {
                () = stop.cancelled() => return,
                opened = self.connect() => opened,
            };
            match opened {
                Ok(session) => {
                    backoff.reset();
                    self.live(session).await;
                }
                Err(error) => tracing::warn!(%error, "cannot reach the broker; trying again"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(backoff.next_wait()) => {}
            }
        }
    }

    async fn connect(&mut self) -> lapin::Result<Session> {
        let replies = self.replies.clone();
        Session::open(&self.uri, &self.identity, &self.pending, replies).await
    }

    /// Consumes everything that is wanted; the first failure ends the session.
    async fn open_all(&mut self, session: &Session) {
        self.open.retain(|subscription| !subscription.closing.is_cancelled());
        while let Ok(subscription) = self.wanted.try_recv() {
            self.open.push(subscription);
        }
        for subscription in self.open.clone() {
            if let Err(error) = session.subscribe(subscription).await {
                return session.end(&format!("subscribe: {error}"));
            }
        }
        tracing::info!("connected to the broker");
        self.all_open.send_replace(true);
        self.beginnings.send_modify(|begun| *begun += 1);
    }

    /// One session, from the first message to the end.
    async fn live(&mut self, session: Session) {
        let session = Arc::new(session);
        // Whoever is handed a request must find the session by which to reply.
        self.current.send_replace(Some(Arc::clone(&session)));
        self.open_all(&session).await;
        let reason = loop {
            tokio::select! {
                () = self.stop.cancelled() => {
                    session.close().await;
                    session.end("stopped");
                }
                reason = session.over() => break reason,
                Some(subscription) = self.wanted.recv() => {
                    self.open.push(subscription.clone());
                    match session.subscribe(subscription).await {
                        Ok(()) => self.beginnings.send_modify(|begun| *begun += 1),
                        Err(error) => session.end(&format!("subscribe: {error}")),
                    }
                }
            }
        };
        // First nobody gets this session any more, then its callers are told.
        self.all_open.send_replace(false);
        self.current.send_replace(None);
        self.pending.lose_all();
        if !self.stop.is_cancelled() {
            tracing::warn!(%reason, "lost the broker; connecting again");
            metrics::counter!("mesh_link_lost_total").increment(1);
            session.close().await;
        }
    }
}
