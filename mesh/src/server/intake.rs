//! The checks that every request passes before its handler runs.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use lapin::{message::Delivery, options::BasicAckOptions};
use tokio_util::task::TaskTracker;

use super::answer::Job;
use crate::{
    context::{Begun, Ctx},
    durable::{Durable, inbox::Claim},
    envelope::{
        EnvelopeError, IncomingRequest, ReplyAddress, ReplyContent, read_request, write_reply,
    },
    handler::ErasedHandler,
    link::{Care, Outgoing},
    mesh::Mesh,
    refusal::{RefusalKind, Rejection},
    topology,
};

/// Where deliveries come in.
pub(super) struct Intake<S> {
    pub mesh: Mesh,
    pub app: Arc<S>,
    pub handlers: HashMap<&'static str, ErasedHandler<S>>,
    /// Routes whose effect must happen once.
    pub once: HashSet<&'static str>,
    pub durable: Option<Durable>,
    pub tasks: TaskTracker,
}

impl<S: Send + Sync + 'static> Intake<S> {
    /// Takes one delivery: drops it, answers it, or starts its handler. Does not block.
    pub fn take(self: &Arc<Self>, mut delivery: Delivery) {
        let method = topology::method_of(delivery.routing_key.as_str());
        let word = topology::word_of(self.mesh.identity().service);
        let route = format!("{word}.{method}");
        let is_ping = method == topology::PING;
        let request = match read_request(&mut delivery) {
            Ok(request) => request,
            Err(EnvelopeError::OtherVersion { found, reply }) => {
                let detail = format!("this service does not speak {found:?}");
                self.reject(&route, &reply, Rejection::UNSUPPORTED_VERSION, detail);
                return ack(&delivery);
            }
            Err(error) => return drop_it(&delivery, &route, "unreadable", &error.to_string()),
        };
        if is_ping {
            self.reply(&route, &request.reply, ReplyContent::done("null"));
            return ack(&delivery);
        }
        if let Err(why) = self.check_sender(&route, &request) {
            return drop_it(&delivery, &route, "sender", &why);
        }
        if request.message.head.deadline.has_passed() {
            self.mesh.member().stats.came_late();
            return drop_it(&delivery, &route, "late", "its deadline has passed");
        }
        let Some(handler) = self.handlers.get(route.as_str()) else {
            let detail = format!("{route} is not answered here");
            self.reject(&route, &request.reply, Rejection::UNKNOWN_METHOD, detail);
            return ack(&delivery);
        };
        let IncomingRequest { message, reply } = request;
        let once = self.once.contains(route.as_str());
        let claim =
            once.then(|| Claim::of_request(&route, &message, &self.mesh.member().fingerprint_key));
        let begun = Begun::default();
        let ctx = Ctx::new(Arc::clone(&self.app), self.mesh.clone(), message.head.clone());
        let ctx = ctx.with(self.durable.clone(), claim.clone(), begun.clone());
        let handling = handler(ctx, message.body.clone());
        let intake = Arc::clone(self);
        self.tasks.spawn(async move {
            let database = intake.durable.as_ref().map(|durable| &durable.database);
            let inbox = database.zip(claim.as_ref());
            let (mesh, route) = (&intake.mesh, route.as_str());
            let job = Job { mesh, route, message: &message, inbox, begun };
            let content = job.run(handling).await;
            intake.reply(route, &reply, content);
            ack(&delivery);
        });
    }

    /// A request only from who may send it; a caller only from who may forward one.
    fn check_sender(&self, route: &str, request: &IncomingRequest) -> Result<(), String> {
        let sender = request.message.sender.as_str();
        let right = self.mesh.member().manifests.right(sender, route);
        let right = right.ok_or_else(|| format!("{sender} may not send this"))?;
        if request.message.head.caller.is_some() && !right.for_caller {
            return Err(format!("{sender} may not speak for somebody"));
        }
        Ok(())
    }

    fn reject(&self, route: &str, to: &ReplyAddress, code: &str, detail: String) {
        let rejection = Rejection::of_mesh(code, RefusalKind::Invalid, detail);
        self.reply(route, to, ReplyContent::Rejected(rejection));
    }

    /// Sends a reply. One that is lost is a time-out for the caller, who may ask again.
    fn reply(&self, route: &str, to: &ReplyAddress, content: ReplyContent) {
        let Some(session) = self.mesh.member().link.session() else { return };
        let (properties, body) = write_reply(content, route, self.mesh.identity(), to);
        let outgoing = Outgoing {
            exchange: topology::reply_exchange(&to.caller).into(),
            routing_key: to.queue.clone(),
            properties,
            body,
            care: Care::None,
        };
        if session.send_notice(outgoing).is_err() {
            metrics::counter!("mesh_replies_unsent_total").increment(1);
        }
    }
}

/// Tells the broker that the message is done with. Written at once, not waited for: on a dead
/// connection the message comes again.
pub(super) fn ack(delivery: &Delivery) {
    use futures::FutureExt;
    let _ = delivery.acker.ack(BasicAckOptions::default()).now_or_never();
}

/// A message that gets no reply: whoever sent it may not, cannot be told, or no longer waits.
pub(super) fn drop_it(delivery: &Delivery, route: &str, reason: &'static str, detail: &str) {
    let sender = delivery.properties.user_id().as_ref().map_or("nobody", |user| user.as_str());
    tracing::warn!(route, sender, reason, detail, "dropped a message");
    metrics::counter!("mesh_dropped_total", "reason" => reason).increment(1);
    ack(delivery);
}
