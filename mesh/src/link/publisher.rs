//! The task that owns a channel and writes to it, in order, without waiting for the broker.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, stream::FuturesUnordered};
use lapin::{
    BasicProperties, Channel, Confirmation, message::BasicReturnMessage,
    options::BasicPublishOptions, types::ShortString,
};
use tokio::sync::{mpsc, oneshot};

use super::session::Fault;
use crate::{
    envelope::Correlation,
    pending::{Pending, Settlement},
};

/// Messages that wait to be written. More are refused, not buffered.
const WAITING: usize = 4096;
/// Messages written and not yet settled by the broker.
const UNSETTLED: usize = 4096;

/// A message on its way out.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub exchange: ShortString,
    pub routing_key: ShortString,
    pub properties: BasicProperties,
    pub body: Bytes,
    pub care: Care,
}

/// Who asks what becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Care {
    /// Nobody.
    None,
    /// A call, which waits for its reply, and must hear of it if the broker does not take the
    /// message or finds no queue for it.
    Call(Correlation),
    /// Somebody who waits for the broker to have it; that nobody listens is fine.
    Confirm(Correlation),
}

/// Why a message was not handed to the link. It has not been sent, and will not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SendError {
    /// Too many messages wait to be written.
    Full,
    /// The session is over.
    Closed,
}

/// The way into a publisher task.
#[derive(Debug, Clone)]
pub(crate) struct Publisher(mpsc::Sender<Job>);

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly every job is a message")]
enum Job {
    Publish(Outgoing),
    /// Settle everything that came before, then say so.
    Flush(oneshot::Sender<()>),
}

impl Publisher {
    /// Starts the task. It ends when all its handles are gone and everything is settled, or
    /// with the session.
    pub(super) fn start(channel: Channel, pending: Arc<Pending>, fault: Fault) -> Self {
        let (sender, waiting) = mpsc::channel(WAITING);
        tokio::spawn(async move {
            tokio::select! {
                () = fault.raised() => {}
                () = write(channel, waiting, &pending, &fault) => {}
            }
        });
        Self(sender)
    }

    /// Hands a message over, without waiting.
    pub(super) fn send(&self, outgoing: Outgoing) -> Result<(), SendError> {
        self.0.try_send(Job::Publish(outgoing)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SendError::Full,
            mpsc::error::TrySendError::Closed(_) => SendError::Closed,
        })
    }

    /// Waits until everything handed over so far has been written and settled, or the session
    /// is over.
    pub(super) async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.0.send(Job::Flush(done)).await.is_ok() {
            // An error means that the session is over.
            let _ = flushed.await;
        }
    }
}

async fn write(
    channel: Channel,
    mut waiting: mpsc::Receiver<Job>,
    pending: &Pending,
    fault: &Fault,
) {
    let mut unsettled = FuturesUnordered::new();
    let mut flushing: Vec<oneshot::Sender<()>> = Vec::new();
    loop {
        if unsettled.is_empty() {
            for done in flushing.drain(..) {
                // Who asked may have gone.
                let _ = done.send(());
            }
        }
        tokio::select! {
            biased;
            // Polled first, so that a message pushed below is written before the next is taken.
            Some(result) = unsettled.next() => match result {
                Ok((care, confirmation)) => settle(pending, care, confirmation),
                Err(error) => return fault.raise(format!("publish: {error}")),
            },
            job = waiting.recv(), if unsettled.len() < UNSETTLED => match job {
                Some(Job::Publish(outgoing)) => unsettled.push(publish(&channel, outgoing)),
                Some(Job::Flush(done)) => flushing.push(done),
                None => return,
            },
        }
    }
}

/// Writes one message and waits for the broker's word on it. The first poll writes.
async fn publish(channel: &Channel, outgoing: Outgoing) -> lapin::Result<(Care, Confirmation)> {
    let Outgoing { exchange, routing_key, properties, body, care } = outgoing;
    let mandatory = matches!(care, Care::Call(_));
    let options = BasicPublishOptions { mandatory, immediate: false };
    let written = channel.basic_publish(exchange, routing_key, options, &body, properties).await?;
    Ok((care, written.await?))
}

fn settle(pending: &Pending, care: Care, confirmation: Confirmation) {
    let (taken, returned) = match confirmation {
        Confirmation::NotRequested => return,
        Confirmation::Ack(returned) => (true, returned),
        Confirmation::Nack(returned) => (false, returned),
    };
    match care {
        Care::Confirm(correlation) if taken => {
            pending.settle(correlation, Settlement::Confirmed);
        }
        Care::Call(correlation) | Care::Confirm(correlation) if !taken => {
            pending.settle(correlation, Settlement::Nacked);
        }
        _ => {}
    }
    // lapin may attach a returned message to the confirm of another one: it says itself whose
    // it is.
    if let Some(correlation) = returned.as_ref().and_then(returned_call) {
        pending.settle(correlation, Settlement::Returned);
    }
}

fn returned_call(returned: &BasicReturnMessage) -> Option<Correlation> {
    Correlation::of(&returned.delivery.properties)
}
