//! The handler in its task: its deadline, its panics, its outcome.

use std::{future::Future, panic::AssertUnwindSafe, time::Instant};

use futures::FutureExt;
use tokio::time::timeout_at;

use crate::{
    envelope::{IncomingRequest, ReplyContent},
    failure::{Failure, FailureKind},
    handler::Outcome,
    mesh::Mesh,
    stats::Ended,
};

/// Runs a handler to its outcome, and says what the reply is.
pub(super) async fn run(
    mesh: &Mesh,
    route: &str,
    request: &IncomingRequest,
    handling: impl Future<Output = Outcome>,
) -> ReplyContent {
    let stats = &mesh.member().stats;
    let started = Instant::now();
    stats.begin();
    let guarded = AssertUnwindSafe(handling).catch_unwind();
    let ended = timeout_at(request.head.deadline.instant(), guarded).await;
    let service = mesh.identity().service;
    let content = match ended {
        Ok(Ok(outcome)) => content_of(service, request, outcome),
        Ok(Err(panic)) => broken(service, request, &panic_text(panic.as_ref())),
        Err(_) => {
            let detail = "the handler did not finish within the deadline";
            ReplyContent::Failed(Failure::new(FailureKind::TimedOut, service, detail))
        }
    };
    let took = started.elapsed();
    stats.end(ended_as(&content), took);
    let outcome = word(&content);
    metrics::histogram!("mesh_handle_seconds", "route" => route.to_owned(), "outcome" => outcome)
        .record(took);
    tracing::info!(
        route,
        outcome,
        ms = took.as_secs_f64() * 1e3,
        from = %format_args!("{}/{}", request.sender, request.sender_instance),
        message_id = %request.head.message_id,
        trace_id = %request.head.trace.trace_id(),
        "handled"
    );
    content
}

fn content_of(service: &str, request: &IncomingRequest, outcome: Outcome) -> ReplyContent {
    match outcome {
        Outcome::Done(body) => ReplyContent::Done(body),
        Outcome::Rejected(rejection) => ReplyContent::Rejected(rejection),
        Outcome::Failed(failure) => ReplyContent::Failed(failure),
        Outcome::Broken(error) => broken(service, request, &format!("{error:#}")),
    }
}

/// The log gets the cause, the caller the id by which to find it.
fn broken(service: &str, request: &IncomingRequest, cause: &str) -> ReplyContent {
    let message_id = request.head.message_id;
    let trace_id = request.head.trace.trace_id();
    tracing::error!(%message_id, %trace_id, cause, "a handler failed unexpectedly");
    ReplyContent::Failed(Failure::new(FailureKind::Broken, service, message_id.to_string()))
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panic: {}", text.unwrap_or("no message"))
}

fn ended_as(content: &ReplyContent) -> Ended {
    match content {
        ReplyContent::Done(_) => Ended::Answered,
        ReplyContent::Rejected(_) => Ended::Refused,
        ReplyContent::Failed(_) => Ended::Broken,
    }
}

fn word(content: &ReplyContent) -> &'static str {
    match content {
        ReplyContent::Done(_) => "ok",
        ReplyContent::Rejected(_) => "refused",
        ReplyContent::Failed(failure) => failure.kind.as_str(),
    }
}
