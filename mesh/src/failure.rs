//! A call that got no answer: which part failed, and whether anything may have happened.

use serde::{Deserialize, Serialize};

use crate::refusal::{Refusal, Rejection};

/// What went wrong with a call, as far as can be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// Nobody is there to answer. Nothing happened.
    NoResponder,
    /// Its queue is full, or too many calls to it are under way. Nothing happened.
    Busy,
    /// It failed too often just now, so it was not asked. Nothing happened.
    CircuitOpen,
    /// No answer within the deadline. It may have happened.
    TimedOut,
    /// The connection to the broker was lost with the call in flight. It may have happened.
    LinkLost,
    /// It failed unexpectedly. It may have happened.
    Broken,
    /// There is no connection to the broker, or the broker takes nothing now. Nothing happened.
    Unavailable,
    /// The caller's manifest does not list this call. Nothing happened; a mistake in the program.
    NotDeclared,
}

impl FailureKind {
    /// The name used in logs, metrics and on the wire: `no_responder`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoResponder => "no_responder",
            Self::Busy => "busy",
            Self::CircuitOpen => "circuit_open",
            Self::TimedOut => "timed_out",
            Self::LinkLost => "link_lost",
            Self::Broken => "broken",
            Self::Unavailable => "unavailable",
            Self::NotDeclared => "not_declared",
        }
    }

    /// Whether a call that failed so may have had its effect all the same.
    pub fn outcome_unknown(self) -> bool {
        matches!(self, Self::TimedOut | Self::LinkLost | Self::Broken)
    }
}

impl std::fmt::Display for FailureKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.as_str().replace('_', " "))
    }
}

/// A call that failed, naming who failed. It travels: the caller of a service whose own call
/// failed reads the name of the service at the far end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{service}: {kind}: {detail}")]
pub struct Failure {
    /// What went wrong.
    pub kind: FailureKind,
    /// The service that failed.
    pub service: String,
    /// Whether anything may have happened.
    pub outcome_unknown: bool,
    /// More words, for the log. For [`FailureKind::Broken`] the id to look for in it.
    pub detail: String,
}

impl Failure {
    /// A failure of `service`; whether anything may have happened follows from its kind.
    pub fn new(kind: FailureKind, service: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            kind,
            service: service.into(),
            outcome_unknown: kind.outcome_unknown(),
            detail: detail.into(),
        }
    }

    /// Whether asking again, a little later, may help: nothing happened, and the reason passes.
    pub fn is_retryable(&self) -> bool {
        !self.outcome_unknown && self.kind != FailureKind::NotDeclared
    }
}

/// Why a call has no reply.
///
/// ```
/// # use mesh::{CallError, Never};
/// # fn show(error: CallError<Never>) -> String {
/// match error {
///     CallError::Refused(no) => match no {},
///     CallError::Rejected(no) => format!("it said no: {}", no.detail),
///     CallError::Failed(failure) if failure.outcome_unknown => format!("perhaps: {failure}"),
///     CallError::Failed(failure) => format!("nothing happened: {failure}"),
/// }
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
pub enum CallError<E> {
    /// It said no, in the contract's words.
    #[error("{0}")]
    Refused(E),
    /// It said no in words that the contract does not know: the mesh's own (a field breaks a
    /// rule), or those of a newer service.
    #[error(transparent)]
    Rejected(Rejection),
    /// There is no answer.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl<E> CallError<E> {
    /// What failed, unless the answer was a no.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failure) => Some(failure),
            Self::Refused(_) | Self::Rejected(_) => None,
        }
    }

    /// Whether asking again, a little later, may help.
    pub fn is_retryable(&self) -> bool {
        self.failure().is_some_and(Failure::is_retryable)
    }

    /// Whether it may have happened all the same.
    pub fn outcome_unknown(&self) -> bool {
        self.failure().is_some_and(|failure| failure.outcome_unknown)
    }
}

impl<E: Refusal> CallError<E> {
    /// The no as it travels, or the failure: what is left to say when nobody asks for the type.
    ///
    /// # Errors
    /// The failure, where there was no answer.
    pub fn into_rejection(self) -> Result<Rejection, Failure> {
        match self {
            Self::Refused(refusal) => Ok(refusal.to_rejection()),
            Self::Rejected(rejection) => Ok(rejection),
            Self::Failed(failure) => Err(failure),
        }
    }
}
