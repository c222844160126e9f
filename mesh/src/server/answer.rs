//! The handler in its task: what is known of its request, its deadline, its panics, its outcome.

use std::{future::Future, panic::AssertUnwindSafe, pin::pin, time::Instant};

use futures::FutureExt;
use tokio::time::timeout_at;

use crate::{
    context::Begun,
    database::Database,
    durable::inbox::Claim,
    envelope::{Incoming, ReplyContent},
    failure::{Failure, FailureKind},
    handler::Outcome,
    mesh::Mesh,
    stats::Ended,
};

/// A message that is to be handled.
pub(super) struct Job<'a> {
    pub mesh: &'a Mesh,
    /// Its route, or the key of an event.
    pub route: &'a str,
    pub message: &'a Incoming,
    /// Where a repeat of it would be found.
    pub inbox: Option<(&'a Database, &'a Claim)>,
    pub begun: Begun,
}

impl Job<'_> {
    /// Runs the handler to its outcome, and says what the reply is.
    pub async fn run(&self, handling: impl Future<Output = Outcome>) -> ReplyContent {
        let stats = &self.mesh.member().stats;
        let started = Instant::now();
        stats.begin();
        let content = match self.known().await {
            Ok(None) => self.handle(handling).await,
            Ok(Some(known)) => known,
            Err(error) => self.broken(&format!("look into the inbox: {error}")),
        };
        let took = started.elapsed();
        stats.end(ended_as(&content), took);
        let (route, outcome) = (self.route, word(&content));
        metrics::histogram!("mesh_handle_seconds", "route" => route.to_owned(), "outcome" => outcome)
            .record(took);
        tracing::info!(
            route,
            outcome,
            ms = took.as_secs_f64() * 1e3,
            from = %format_args!("{}/{}", self.message.sender, self.message.sender_instance),
            message_id = %self.message.head.message_id,
            trace_id = %self.message.head.trace.trace_id(),
            "handled"
        );
        content
    }

    async fn handle(&self, handling: impl Future<Output = Outcome>) -> ReplyContent {
        let mut handling = pin!(AssertUnwindSafe(handling).catch_unwind());
        let deadline = self.message.head.deadline.instant();
        let ended = match timeout_at(deadline, &mut handling).await {
            // Whoever has begun to change something must see it through.
            Err(_) if self.begun.is_so() => Ok(handling.await),
            ended => ended,
        };
        match ended {
            Ok(Ok(Outcome::DoneBefore)) => self.stored().await,
            Ok(Ok(outcome)) => self.content_of(outcome),
            Ok(Err(panic)) => self.broken(&panic_text(panic.as_ref())),
            Err(_) => {
                let detail = "the handler did not finish within the deadline";
                let service = self.mesh.identity().service;
                ReplyContent::Failed(Failure::new(FailureKind::TimedOut, service, detail))
            }
        }
    }

    /// What was answered when the message came before.
    async fn known(&self) -> Result<Option<ReplyContent>, sea_orm::DbErr> {
        let Some((database, claim)) = self.inbox else { return Ok(None) };
        let known = claim.find(database.read()).await?;
        Ok(known.map(|known| match known.answer() {
            Ok(body) => ReplyContent::Done { body, replayed: true },
            Err(rejection) => ReplyContent::Rejected(rejection),
        }))
    }

    /// The reply of one that ran at the same time and has ended first.
    async fn stored(&self) -> ReplyContent {
        match self.known().await {
            Ok(Some(known)) => known,
            Ok(None) => self.broken("it was done before, and left no reply"),
            Err(error) => self.broken(&format!("look into the inbox: {error}")),
        }
    }

    fn content_of(&self, outcome: Outcome) -> ReplyContent {
        match outcome {
            Outcome::Done(body) => ReplyContent::done(body),
            Outcome::Rejected(rejection) => ReplyContent::Rejected(rejection),
            Outcome::Failed(failure) => ReplyContent::Failed(failure),
            Outcome::Broken(error) => self.broken(&format!("{error:#}")),
            Outcome::DoneBefore => self.broken("it was done before"),
        }
    }

    /// The log gets the cause, the caller the id by which to find it.
    fn broken(&self, cause: &str) -> ReplyContent {
        let message_id = self.message.head.message_id;
        let trace_id = self.message.head.trace.trace_id();
        tracing::error!(%message_id, %trace_id, cause, "a handler failed unexpectedly");
        let service = self.mesh.identity().service;
        ReplyContent::Failed(Failure::new(FailureKind::Broken, service, message_id.to_string()))
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panic: {}", text.unwrap_or("no message"))
}

fn ended_as(content: &ReplyContent) -> Ended {
    match content {
        ReplyContent::Done { .. } => Ended::Answered,
        ReplyContent::Rejected(_) => Ended::Refused,
        ReplyContent::Failed(_) => Ended::Broken,
    }
}

fn word(content: &ReplyContent) -> &'static str {
    match content {
        ReplyContent::Done { replayed: false, .. } => "ok",
        ReplyContent::Done { replayed: true, .. } => "replayed",
        ReplyContent::Rejected(_) => "refused",
        ReplyContent::Failed(failure) => failure.kind.as_str(),
    }
}
