//! The calls that wait for a reply.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::oneshot;

use crate::envelope::{Correlation, IncomingReply};

/// How the waiting for a reply ends, besides by the deadline.
#[derive(Debug)]
pub(crate) enum Settlement {
    Reply(IncomingReply),
    /// The broker has the message, and that was all that was asked.
    Confirmed,
    /// The broker gave the message back: it fits no queue.
    Returned,
    /// The broker did not take the message: the queue is full.
    Nacked,
    /// The connection died.
    LinkLost,
}

/// The table of waiting calls, settled by the reply consumer, the publisher and the link.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    next: AtomicU64,
    waiting: Mutex<HashMap<Correlation, oneshot::Sender<Settlement>>>,
}

impl Pending {
    /// Starts to wait. The entry lives as long as the ticket, however the caller's future ends.
    pub(crate) fn register(&self) -> (Ticket<'_>, oneshot::Receiver<Settlement>) {
        let correlation = Correlation(self.next.fetch_add(1, Ordering::Relaxed));
        let (sender, receiver) = oneshot::channel();
        self.lock().insert(correlation, sender);
        (Ticket { pending: self, correlation }, receiver)
    }

    /// Ends the waiting of one call; `false` if nobody waits (any more).
    pub(crate) fn settle(&self, correlation: Correlation, settlement: Settlement) -> bool {
        let waiting = self.lock().remove(&correlation);
        waiting.is_some_and(|sender| sender.send(settlement).is_ok())
    }

    /// Tells all who wait that the connection died.
    pub(crate) fn lose_all(&self) {
        let all = std::mem::take(&mut *self.lock());
        for sender in all.into_values() {
            // Who has stopped waiting need not be told.
            let _ = sender.send(Settlement::LinkLost);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Correlation, oneshot::Sender<Settlement>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the table; dropping it gives the place up.
#[derive(Debug)]
pub(crate) struct Ticket<'a> {
    pending: &'a Pending,
    pub correlation: Correlation,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.pending.lock().remove(&self.correlation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_that_gives_up_leaves_nothing_behind() {
        let pending = Pending::default();
        let (ticket, receiver) = pending.register();
        let correlation = ticket.correlation;
        drop((ticket, receiver));
        assert_eq!(pending.len(), 0);
        assert!(!pending.settle(correlation, Settlement::Nacked));
    }

    #[tokio::test]
    async fn everybody_hears_of_a_lost_link() {
        let pending = Pending::default();
        let (_first, one) = pending.register();
        let (_second, two) = pending.register();
        pending.lose_all();
        assert!(matches!(one.await, Ok(Settlement::LinkLost)));
        assert!(matches!(two.await, Ok(Settlement::LinkLost)));
    }
}
