//! Asking: from a request to its reply, or to the reason why there is none.
//!
//! In order: is the call listed, is there a link, is anybody there, does the breaker let it
//! through, is there room; then it is sent, and waited for under its deadline.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::{timeout, timeout_at};
use uuid::Uuid;

use crate::{
    backoff::Backoff,
    breaker::Admission,
    deadline::Deadline,
    destination::Destination,
    envelope::{self, IncomingReply, ReplyContent, RequestHead},
    failure::{Failure, FailureKind},
    link::{Care, Outgoing, SendError},
    mesh::{Member, Mesh},
    pending::Settlement,
    registry::Presence,
    topology,
    trace::TraceContext,
};

/// After this long without an answer the callee's instances are asked for a sign of life.
const PROBE_AFTER: Duration = Duration::from_millis(500);
const FIRST_RETRY: Duration = Duration::from_millis(50);
const LONGEST_RETRY: Duration = Duration::from_secs(1);

/// A request without its type.
pub(crate) struct Question {
    pub route: &'static str,
    pub service: String,
    pub head: RequestHead,
    pub body: Bytes,
}

impl Question {
    fn failed(&self, kind: FailureKind, detail: &str) -> Failure {
        Failure::new(kind, &*self.service, detail)
    }
}

impl Member {
    /// Asks, and asks again where that is safe and there is time.
    pub async fn ask(&self, mesh: &Mesh, question: &Question) -> Result<ReplyContent, Failure> {
        let to = self.allowed(question)?;
        let mut backoff = Backoff::new(FIRST_RETRY, LONGEST_RETRY);
        let mut tries_left = self.config.tries;
        // What one try may have done, a later one cannot undo.
        let mut unknown = false;
        loop {
            tries_left -= 1;
            let failure = match self.try_once(mesh, to, question).await {
                Ok(ReplyContent::Failed(failure)) => return Err(failure),
                Ok(content) => return Ok(content),
                Err(failure) => failure,
            };
            unknown |= failure.outcome_unknown;
            let failure = Failure { outcome_unknown: unknown, ..failure };
            if tries_left == 0 || !worth_retrying(&failure) {
                return Err(failure);
            }
            self.wait_to_retry(mesh, question, &failure, backoff.next_wait()).await;
            if question.head.deadline.has_passed() {
                return Err(failure);
            }
            metrics::counter!("mesh_call_retries_total", "route" => question.route).increment(1);
        }
    }

    /// Waits before another try, but not past the deadline.
    async fn wait_to_retry(
        &self,
        mesh: &Mesh,
        question: &Question,
        failure: &Failure,
        wait: Duration,
    ) {
        let left = || question.head.deadline.left();
        tokio::time::sleep(wait.min(left())).await;
        if failure.kind == FailureKind::LinkLost {
            // A link that was there a moment ago is mostly back in another.
            let _ = timeout(LONGEST_RETRY.min(left()), mesh.connected()).await;
        }
    }

    /// The called service, if the manifest lists the call.
    fn allowed(&self, question: &Question) -> Result<&Destination, Failure> {
        let right = self.manifest.calls.get(question.route);
        let speaks_for_somebody = question.head.caller.is_some();
        let allowed = right.is_some_and(|right| right.for_caller || !speaks_for_somebody);
        let to = self.destinations.get(&question.service).filter(|_| allowed);
        to.ok_or_else(|| {
            let how = if speaks_for_somebody { " for a caller" } else { "" };
            let name = self.identity.service;
            let detail = format!("the manifest of {name} does not list {}{how}", question.route);
            question.failed(FailureKind::NotDeclared, &detail)
        })
    }

    async fn try_once(
        &self,
        mesh: &Mesh,
        to: &Destination,
        question: &Question,
    ) -> Result<ReplyContent, Failure> {
        use FailureKind::{Busy, CircuitOpen, NoResponder, TimedOut, Unavailable};
        if question.head.deadline.has_passed() {
            let failure = question.failed(TimedOut, "the deadline had passed before it was asked");
            return Err(Failure { outcome_unknown: false, ..failure });
        }
        // What is known to be away need not be asked, and says nothing new to the breaker.
        let session = self.link.session().filter(|session| !session.is_blocked());
        let session = session.ok_or_else(|| question.failed(Unavailable, "no broker"))?;
        if self.registry.presence(&to.service) == Presence::Gone {
            return Err(question.failed(NoResponder, "no instance is alive"));
        }
        let admission = to.breaker.admit();
        let admission =
            admission.ok_or_else(|| question.failed(CircuitOpen, "it failed too often"))?;
        let place = to.enter();
        let _place = place.ok_or_else(|| question.failed(Busy, "too many calls are under way"))?;

        let (ticket, mut reply) = self.pending.register();
        let sent = session.send_call(Outgoing {
            exchange: topology::RPC.into(),
            routing_key: question.route.into(),
            properties: envelope::write_request(
                &question.head,
                question.route,
                &self.identity,
                ticket.correlation,
                &session.reply_to,
            ),
            body: question.body.clone(),
            care: Care::Call(ticket.correlation),
        });
        sent.map_err(|error| match error {
            SendError::Full => question.failed(Busy, "too many messages wait to be written"),
            SendError::Closed => question.failed(Unavailable, "no broker"),
        })?;
        drop(session);

        let mut settled = timeout(PROBE_AFTER.min(question.head.deadline.left()), &mut reply).await;
        if settled.is_err() && !question.head.deadline.has_passed() {
            let (mesh, service) = (mesh.clone(), to.service.clone());
            tokio::spawn(async move { mesh.probe(&service).await });
            settled = timeout_at(question.head.deadline.instant(), &mut reply).await;
        }
        let result = match settled {
            Err(_) => Err(question.failed(TimedOut, "no answer within the deadline")),
            // The table was dropped: the member is being stopped.
            Ok(Err(_)) => Err(question.failed(FailureKind::LinkLost, "the link was closed")),
            Ok(Ok(settlement)) => understand(question, settlement),
        };
        tell_breaker(admission, &to.service, &result);
        result
    }

    /// Asks one instance for a sign of life. `Some(false)`: its queue is gone; `None`: no word.
    pub async fn ping(&self, service: &str, instance: &str) -> Option<bool> {
        const LIMIT: Duration = Duration::from_secs(1);
        let session = self.link.session()?;
        let (ticket, reply) = self.pending.register();
        let head = RequestHead {
            message_id: Uuid::now_v7(),
            deadline: Deadline::within(LIMIT),
            trace: TraceContext::start(),
            caller: None,
            key: None,
        };
        let key = topology::directed_key(service, instance, topology::PING);
        let properties = envelope::write_request(
            &head,
            topology::PING,
            &self.identity,
            ticket.correlation,
            &session.reply_to,
        );
        let outgoing = Outgoing {
            exchange: topology::RPC.into(),
            routing_key: key.into(),
            properties,
            body: Bytes::from_static(b"null"),
            care: Care::Call(ticket.correlation),
        };
        session.send_call(outgoing).ok()?;
        match timeout(LIMIT, reply).await.ok()?.ok()? {
            Settlement::Reply(_) => Some(true),
            Settlement::Returned => Some(false),
            Settlement::Confirmed | Settlement::Nacked | Settlement::LinkLost => None,
        }
    }
}

fn understand(question: &Question, settlement: Settlement) -> Result<ReplyContent, Failure> {
    use FailureKind::{Broken, Busy, LinkLost, NoResponder};
    match settlement {
        Settlement::Reply(IncomingReply { sender, content }) if sender == question.service => {
            Ok(content)
        }
        Settlement::Reply(IncomingReply { sender, .. }) => {
            tracing::error!(%sender, service = %question.service, "a reply from somebody else");
            Err(question.failed(Broken, "the reply came from somebody else"))
        }
        Settlement::Returned => Err(question.failed(NoResponder, "it has no queue")),
        Settlement::Nacked => Err(question.failed(Busy, "its queue is full")),
        Settlement::LinkLost => Err(question.failed(LinkLost, "the connection was lost")),
        Settlement::Confirmed => Err(question.failed(Broken, "a confirm where a reply was due")),
    }
}

/// Only what the service itself did counts: a refusal is a success, a failure further down the
/// line is not its own, and a full queue or a lost link say nothing.
fn tell_breaker(admission: Admission<'_>, service: &str, result: &Result<ReplyContent, Failure>) {
    use FailureKind::{Broken, NoResponder, TimedOut};
    match result {
        Ok(ReplyContent::Failed(failure)) if failure.service == service => admission.failed(),
        Ok(_) => admission.succeeded(),
        Err(failure) if matches!(failure.kind, Broken | NoResponder | TimedOut) => {
            admission.failed();
        }
        Err(_) => {}
    }
}

/// A failure that passes by itself. Where it may have happened all the same it does no harm: a
/// contract is repeatable, or its service finds the stored reply.
fn worth_retrying(failure: &Failure) -> bool {
    use FailureKind::{Busy, LinkLost, NoResponder, Unavailable};
    matches!(failure.kind, Busy | NoResponder | Unavailable | LinkLost)
}
