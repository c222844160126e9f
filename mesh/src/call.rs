//! One call, from the request to the reply or the reason why there is none.

use std::{
    future::{Future, IntoFuture},
    pin::Pin,
    time::Duration,
};

use uuid::Uuid;

use crate::{
    asking::Question,
    caller::Caller,
    contract::Request,
    deadline::Deadline,
    envelope::{ReplyContent, RequestHead},
    failure::{CallError, Failure, FailureKind},
    mesh::Mesh,
    refusal::Rejection,
    topology,
    trace::TraceContext,
};

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
