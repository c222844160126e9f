//! One call, from the request to the reply or the reason why there is none.

use std::{
    future::{Future, IntoFuture},
    pin::Pin,
    time::Duration,
};

use bytes::Bytes;
use tokio::time::{timeout, timeout_at};
use uuid::Uuid;

use crate::{
    backoff::Backoff,
    caller::Caller,
    contract::Request,
    deadline::Deadline,
    destination::Destination,
    envelope::{self, IncomingReply, ReplyContent, RequestHead},
    failure::{CallError, Failure, FailureKind},
    link::{Care, Outgoing, SendError},
    mesh::{Member, Mesh},
    pending::Settlement,
    refusal::Rejection,
    registry::Presence,
    topology,
    trace::TraceContext,
};

/// After this long without an answer the callee's instances are asked for a sign of life.
const PROBE_AFTER: Duration = Duration::from_millis(500);
const FIRST_RETRY: Duration = Duration::from_millis(50);
const LONGEST_RETRY: Duration = Duration::from_secs(1);

/// A call that has not been made yet: `.await` makes it.
#[derive(Debug)]
#[must_use = "a call is made by awaiting it"]
pub struct Call<'a, R> {
    mesh: &'a Mesh,
    request: R,
    deadline: Option<Deadline>,
    trace: Option<TraceContext>,
    caller: Option<Caller>,
    key: Option<String>,
}

/// A reply, and how it came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<T> {
    /// The reply.
    pub reply: T,
    /// It was given before: this request is a repeat, and nothing has happened anew.
    pub replayed: bool,
}

impl<'a, R: Request> Call<'a, R> {
    pub(crate) fn new(mesh: &'a Mesh, request: R) -> Self {
        Self { mesh, request, deadline: None, trace: None, caller: None, key: None }
    }

    /// Says on whose behalf it is made. Believed only if the manifest says `calls_for_caller`.
    pub fn caller(mut self, caller: &Caller) -> Self {
        self.caller = Some(caller.clone());
        self
    }

    /// Waits no longer than this, nor than a deadline set before.
    pub fn within(self, limit: Duration) -> Self {
        self.until(Deadline::within(limit))
    }

    /// Waits until then, or a deadline set before.
    pub fn until(mut self, deadline: Deadline) -> Self {
        self.deadline = Some(self.deadline.map_or(deadline, |before| before.min(deadline)));
        self
    }

    /// Makes it part of a trace.
    pub fn trace(mut self, trace: TraceContext) -> Self {
        self.trace = Some(trace);
        self
    }

    /// Names the request: another one with the same name, of the same caller, is a repeat of it,
    /// and gets the same reply. At most 128 visible characters. Without it a request is only a
    /// repeat of itself.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Makes the call, and says whether the reply had been given before.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn answer(self) -> Result<Answer<R::Reply>, CallError<R::Error>> {
        let service = topology::service_of(R::ROUTE);
        let body = serde_json::to_vec(&self.request).map_err(|error| {
            let detail = format!("the request cannot be written: {error}");
            Failure {
                outcome_unknown: false,
                ..Failure::new(FailureKind::Broken, &*service, detail)
            }
        })?;
        let head = RequestHead {
            message_id: Uuid::now_v7(),
            deadline: self.deadline.unwrap_or_else(|| Deadline::within(R::TIMEOUT)),
            trace: self.trace.unwrap_or_else(TraceContext::start),
            caller: self.caller,
            key: self.key,
        };
        let question = Question { route: R::ROUTE, service, head, body: body.into() };
        let started = std::time::Instant::now();
        let answer = self.mesh.member().ask(self.mesh, &question).await;
        let outcome = match &answer {
            Ok(ReplyContent::Done { .. }) => "ok",
            Ok(_) => "refused",
            Err(failure) => failure.kind.as_str(),
        };
        metrics::histogram!("mesh_call_seconds", "route" => R::ROUTE, "outcome" => outcome)
            .record(started.elapsed());
        read_answer::<R>(&question.service, answer?)
    }
}

impl<'a, R: Request> IntoFuture for Call<'a, R> {
    type Output = Result<R::Reply, CallError<R::Error>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async { Ok(self.answer().await?.reply) })
    }
}

fn read_answer<R: Request>(
    service: &str,
    content: ReplyContent,
) -> Result<Answer<R::Reply>, CallError<R::Error>> {
    match content {
        ReplyContent::Done { body, replayed } => {
            let reply = serde_json::from_slice(&body).map_err(|error| {
                let detail = format!("its reply cannot be read: {error}");
                Failure::new(FailureKind::Broken, service, detail)
            })?;
            Ok(Answer { reply, replayed })
        }
        ReplyContent::Rejected(rejection) => Err(refusal_of::<R>(rejection)),
        ReplyContent::Failed(failure) => Err(failure.into()),
    }
}

/// The refusal in the contract's words where they are known.
fn refusal_of<R: Request>(rejection: Rejection) -> CallError<R::Error> {
    let typed = serde_json::to_value(&rejection).and_then(serde_json::from_value);
    typed.map_or(CallError::Rejected(rejection), CallError::Refused)
}

/// A request without its type.
struct Question {
    route: &'static str,
    service: String,
    head: RequestHead,
    body: Bytes,
}

impl Question {
    fn failed(&self, kind: FailureKind, detail: &str) -> Failure {
        Failure::new(kind, &*self.service, detail)
    }
}

impl Member {
    /// Asks, and asks again where that is safe and there is time.
    async fn ask(&self, mesh: &Mesh, question: &Question) -> Result<ReplyContent, Failure> {
        let to = self.allowed(question)?;
        let mut backoff = Backoff::new(FIRST_RETRY, LONGEST_RETRY);
        let mut tries_left = self.config.tries;
        loop {
            tries_left -= 1;
            let failure = match self.try_once(mesh, to, question).await {
                Ok(ReplyContent::Failed(failure)) => return Err(failure),
                Ok(content) => return Ok(content),
                Err(failure) => failure,
            };
            let wait = backoff.next_wait();
            let in_time = wait < question.head.deadline.left();
            if tries_left == 0 || !in_time || !worth_retrying(&failure) {
                return Err(failure);
            }
            metrics::counter!("mesh_call_retries_total", "route" => question.route).increment(1);
            tokio::time::sleep(wait).await;
            if failure.kind == FailureKind::LinkLost {
                // A link that was there a moment ago is mostly back in another.
                let patience = LONGEST_RETRY.min(question.head.deadline.left());
                let _ = timeout(patience, mesh.connected()).await;
            }
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
    pub(crate) async fn ping(&self, service: &str, instance: &str) -> Option<bool> {
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
fn tell_breaker(
    admission: crate::breaker::Admission<'_>,
    service: &str,
    result: &Result<ReplyContent, Failure>,
) {
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
