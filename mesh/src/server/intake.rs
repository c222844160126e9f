//! The checks that every request passes before its handler runs.

use std::{collections::HashMap, sync::Arc};

use lapin::{message::Delivery, options::BasicAckOptions};
use tokio_util::task::TaskTracker;

use super::answer;
use crate::{
    context::Ctx,
    envelope::{
        EnvelopeError, IncomingRequest, ReplyAddress, ReplyContent, read_request, write_reply,
    },
    handler::ErasedHandler,
    link::Outgoing,
    mesh::Mesh,
    refusal::{RefusalKind, Rejection},
    topology,
};

/// Where deliveries come in.
pub(super) struct Intake<S> {
    pub mesh: Mesh,
    pub app: Arc<S>,
    pub handlers: HashMap<&'static str, ErasedHandler<S>>,
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
            self.reply(&route, &request.reply, ReplyContent::Done("null".into()));
            return ack(&delivery);
        }
        if let Err(why) = self.check_sender(&route, &request) {
            return drop_it(&delivery, &route, "sender", &why);
        }
        if request.head.deadline.has_passed() {
            self.mesh.member().stats.came_late();
            return drop_it(&delivery, &route, "late", "its deadline has passed");
        }
        let Some((_, handler)) = self.handlers.get_key_value(route.as_str()) else {
            let detail = format!("{route} is not answered here");
            self.reject(&route, &request.reply, Rejection::UNKNOWN_METHOD, detail);
            return ack(&delivery);
        };
        let ctx = Ctx::new(Arc::clone(&self.app), self.mesh.clone(), request.head.clone());
        let handling = handler(ctx, request.body.clone());
        let intake = Arc::clone(self);
        self.tasks.spawn(async move {
            let content = answer::run(&intake.mesh, &route, &request, handling).await;
            intake.reply(&route, &request.reply, content);
            ack(&delivery);
        });
    }

    /// A request only from who may send it; a caller only from who may forward one.
    fn check_sender(&self, route: &str, request: &IncomingRequest) -> Result<(), String> {
        let sender = request.sender.as_str();
        let right = self.mesh.member().manifests.right(sender, route);
        let right = right.ok_or_else(|| format!("{sender} may not send this"))?;
        if request.head.caller.is_some() && !right.for_caller {
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
            correlation: None,
        };
        if session.send_notice(outgoing).is_err() {
            metrics::counter!("mesh_replies_unsent_total").increment(1);
        }
    }
}

/// Tells the broker that the message is done with. Written at once, not waited for: on a dead
/// connection the message comes again.
fn ack(delivery: &Delivery) {
    use futures::FutureExt;
    let _ = delivery.acker.ack(BasicAckOptions::default()).now_or_never();
}

/// A message that gets no reply: whoever sent it may not, cannot be told, or no longer waits.
fn drop_it(delivery: &Delivery, route: &str, reason: &'static str, detail: &str) {
    let sender = delivery.properties.user_id().as_ref().map_or("nobody", |user| user.as_str());
    tracing::warn!(route, sender, reason, detail, "dropped a message");
    metrics::counter!("mesh_dropped_total", "reason" => reason).increment(1);
    ack(delivery);
}
