//! Events: heard once per service and durably, or by every instance while it is connected.
//!
//! A handler that fails puts its event on the retry ladder: it rests, comes back to the queue
//! where it failed, and is parked when the ladder is at its end. It is acknowledged only when the
//! broker has it elsewhere, so nothing is lost; and it is never put back into its queue, so
//! nothing runs in circles.

use std::{collections::HashMap, sync::Arc, time::Duration};

use lapin::message::Delivery;
use tokio_util::task::TaskTracker;

use super::{
    answer::Job,
    intake::{ack, drop_it},
};
use crate::{
    context::{Begun, Ctx},
    durable::{Durable, inbox::Claim},
    envelope::{self, IncomingEvent, ReplyContent, Setback, read_event},
    handler::ErasedHandler,
    link::{Care, Outgoing},
    mesh::Mesh,
    pending::Settlement,
    topology::{self, RUNGS},
};

/// How long to wait before an event that could not be put aside is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// Where events come in.
pub(super) struct Hearing<S> {
    pub mesh: Mesh,
    pub app: Arc<S>,
    pub handlers: HashMap<&'static str, ErasedHandler<S>>,
    pub durable: Option<Durable>,
    pub tasks: TaskTracker,
}

impl<S: Send + Sync + 'static> Hearing<S> {
    /// Takes an event from the durable queue of `key`.
    pub fn take(self: &Arc<Self>, key: &'static str, mut delivery: Delivery) {
        let event = match self.read(key, &mut delivery) {
            Ok(event) => event,
            Err(why) => return drop_it(&delivery, key, "event", &why),
        };
        let Some(handler) = self.handlers.get(key) else {
            return drop_it(&delivery, key, "event", "it is not heard here");
        };
        let secret = &self.mesh.member().fingerprint_key;
        let claim = self.durable.as_ref().map(|_| Claim::of_event(key, &event.message, secret));
        let begun = Begun::default();
        let head = event.message.head.clone();
        let ctx = Ctx::new(Arc::clone(&self.app), self.mesh.clone(), head);
        let ctx = ctx.with(self.durable.clone(), claim.clone(), begun.clone());
        let handling = handler(ctx, event.message.body.clone());
        let hearing = Arc::clone(self);
        self.tasks.spawn(async move {
            let database = hearing.durable.as_ref().map(|durable| &durable.database);
            let inbox = database.zip(claim.as_ref());
            let (mesh, message) = (&hearing.mesh, &event.message);
            let job = Job { mesh, route: key, message, inbox, begun };
            let (reason, hopeless) = match job.run(handling).await {
                ReplyContent::Done { .. } => return ack(&delivery),
                ReplyContent::Rejected(rejection) => (rejection.to_string(), true),
                ReplyContent::Failed(failure) => (failure.to_string(), false),
            };
            hearing.put_aside(key, &event, &delivery, &reason, hopeless).await;
        });
    }

    /// Takes an event that every instance hears. What fails is logged, and that is all.
    pub fn take_each(self: &Arc<Self>, mut delivery: Delivery) {
        let found = self.handlers.get_key_value(delivery.routing_key.as_str());
        let Some((key, handler)) = found.map(|(key, handler)| (*key, handler)) else { return };
        let Ok(event) = self.read(key, &mut delivery) else { return };
        let message = event.message;
        let ctx = Ctx::new(Arc::clone(&self.app), self.mesh.clone(), message.head.clone());
        let handling = handler(ctx, message.body.clone());
        let mesh = self.mesh.clone();
        self.tasks.spawn(async move {
            let (inbox, begun) = (None, Begun::default());
            let job = Job { mesh: &mesh, route: key, message: &message, inbox, begun };
            job.run(handling).await;
        });
    }

    /// Reads an event, and checks that it was told by who may tell it.
    fn read(&self, key: &str, delivery: &mut Delivery) -> Result<IncomingEvent, String> {
        let came_back = topology::redeliver_exchange(self.mesh.identity().service);
        let is_back = delivery.exchange.as_str() == came_back;
        let event = read_event(delivery).map_err(|error| error.to_string())?;
        let sender = event.message.sender.as_str();
        let teller = match &event.origin {
            Some(origin) if is_back && sender == self.mesh.identity().service => origin.as_str(),
            _ => sender,
        };
        if self.mesh.member().manifests.emitter_of(key) != Some(teller) {
            return Err(format!("{teller} may not tell this"));
        }
        Ok(event)
    }

    /// Puts an event on the next rung, or parks it; then, and only then, it is done with here.
    async fn put_aside(
        &self,
        key: &str,
        event: &IncomingEvent,
        delivery: &Delivery,
        reason: &str,
        hopeless: bool,
    ) {
        let queue = topology::event_queue(self.mesh.identity().service, key);
        let rung = RUNGS.get(event.failed).filter(|_| !hopeless);
        let (to, word) = match rung {
            Some(rung) => (topology::retry_key(*rung, &queue), "retry"),
            None => (topology::parked_key(&queue), "parked"),
        };
        let setback = Setback { reason, failed: event.failed + 1 };
        let id = event.message.head.message_id;
        tracing::warn!(key, event_id = %id, failed = setback.failed, to, reason, "put an event aside");
        metrics::counter!("mesh_events_put_aside_total", "to" => word).increment(1);
        // On a connection that is gone the event is with the broker again already.
        while !delivery.acker.poisoned() {
            if self.publish_aside(event, &setback, &to).await {
                return ack(delivery);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Whether the broker has it.
    async fn publish_aside(&self, event: &IncomingEvent, setback: &Setback<'_>, to: &str) -> bool {
        let Some(session) = self.mesh.member().link.session() else { return false };
        let (ticket, settled) = self.mesh.member().pending.register();
        let identity = self.mesh.identity();
        let sent = session.send_call(Outgoing {
            exchange: topology::retry_exchange(identity.service).into(),
            routing_key: to.into(),
            properties: envelope::write_again(event, setback, identity, ticket.correlation),
            body: event.message.body.clone(),
            care: Care::Confirm(ticket.correlation),
        });
        sent.is_ok() && matches!(settled.await, Ok(Settlement::Confirmed))
    }
}
