//! One life of the connection: from connect to the first fault.

use std::{sync::Arc, time::Duration};

use futures::StreamExt;
use lapin::{
    Connection, ConnectionProperties, Event, options::ConfirmSelectOptions, types::ShortString,
    uri::AMQPUri,
};
use tokio::{sync::watch, time::timeout};

use super::{
    publisher::{Outgoing, Publisher, SendError},
    subscription::Subscription,
};
use crate::{identity::Identity, pending::Pending};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// What ended a session. The first fault ends it; later ones say nothing new.
#[derive(Debug, Clone)]
pub(crate) struct Fault(watch::Sender<Option<String>>);

impl Fault {
    fn none() -> Self {
        Self(watch::Sender::new(None))
    }

    pub(super) fn raise(&self, reason: String) {
        self.0.send_if_modified(|first| {
            let is_first = first.is_none();
            first.get_or_insert(reason);
            is_first
        });
    }

    /// Waits until the session is over.
    pub(super) async fn raised(&self) {
        // An error means that the session is gone altogether.
        let _ = self.0.subscribe().wait_for(Option::is_some).await;
    }

    fn reason(&self) -> String {
        self.0.borrow().clone().unwrap_or_default()
    }
}

/// Two connections to the broker, and the publishers on one of them.
#[derive(Debug)]
pub(crate) struct Session {
    /// Where replies to this session's calls go.
    pub reply_to: ShortString,
    calls: Publisher,
    notices: Publisher,
    publishing: Connection,
    consuming: Connection,
    consumer_tag: String,
    fault: Fault,
}

impl Session {
    /// Connects, declares and consumes.
    pub(super) async fn open(
        uri: &AMQPUri,
        identity: &Identity,
        pending: &Arc<Pending>,
        replies: Subscription,
    ) -> lapin::Result<Self> {
        let fault = Fault::none();
        let publishing = connect(uri, identity, "publish", &fault).await?;
        let consuming = connect(uri, identity, "consume", &fault).await?;

        let confirmed = publishing.create_channel().await?;
        confirmed.confirm_select(ConfirmSelectOptions::default()).await?;
        let unconfirmed = publishing.create_channel().await?;

        let consumer_tag = identity.instance.clone();
        let reply_to = replies.open(&consuming, &consumer_tag, fault.clone()).await?;
        Ok(Self {
            reply_to,
            calls: Publisher::start(confirmed, Arc::clone(pending), fault.clone()),
            notices: Publisher::start(unconfirmed, Arc::clone(pending), fault.clone()),
            publishing,
            consuming,
            consumer_tag,
            fault,
        })
    }

    /// Whether the broker takes nothing now (a memory or disk alarm).
    pub(crate) fn is_blocked(&self) -> bool {
        self.publishing.status().blocked()
    }

    /// Hands over a message whose fate its caller hears of.
    pub(crate) fn send_call(&self, outgoing: Outgoing) -> Result<(), SendError> {
        self.calls.send(outgoing)
    }

    /// Hands over a message that nobody asks after: a reply, an announcement.
    pub(crate) fn send_notice(&self, outgoing: Outgoing) -> Result<(), SendError> {
        self.notices.send(outgoing)
    }

    /// Starts consuming from one more queue.
    pub(super) async fn subscribe(&self, subscription: Subscription) -> lapin::Result<()> {
        // The queue's name is known to whoever subscribes.
        let opened = subscription.open(&self.consuming, &self.consumer_tag, self.fault.clone());
        opened.await.map(drop)
    }

    /// Waits until the session is over, and says why.
    pub(super) async fn over(&self) -> String {
        self.fault.raised().await;
        self.fault.reason()
    }

    pub(super) fn end(&self, reason: &str) {
        self.fault.raise(reason.to_owned());
    }

    /// Waits until everything handed over so far is with the broker.
    pub(crate) async fn flush(&self) {
        tokio::join!(self.calls.flush(), self.notices.flush());
    }

    /// Says goodbye to the broker, if it still listens.
    pub(super) async fn close(&self) {
        for connection in [&self.consuming, &self.publishing] {
            let goodbye = connection.close(200, "goodbye".into());
            // A broker that does not answer is gone, which is what is wanted.
            let _ = timeout(CLOSE_TIMEOUT, goodbye).await;
        }
    }
}

async fn connect(
    uri: &AMQPUri,
    identity: &Identity,
    purpose: &str,
    fault: &Fault,
) -> lapin::Result<Connection> {
    let name = format!("{}/{} {purpose}", identity.service, identity.instance);
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let connecting = Connection::connect_uri(uri.clone(), properties);
    let late = || std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer within 5 s");
    let connection = timeout(CONNECT_TIMEOUT, connecting).await.map_err(|_| late())??;
    let mut events = Box::pin(connection.events_listener());
    let fault = fault.clone();
    let purpose = purpose.to_owned();
    tokio::spawn(async move {
        while let Some(event) = tokio::select! {
            () = fault.raised() => None,
            event = events.next() => event,
        } {
            match event {
                Event::Error(error) => fault.raise(format!("{purpose} connection: {error}")),
                Event::ConnectionBlocked(reason) => {
                    tracing::warn!(%reason, "the broker takes no messages");
                }
                Event::ConnectionUnblocked => tracing::info!("the broker takes messages again"),
                _ => {}
            }
        }
    });
    Ok(connection)
}
