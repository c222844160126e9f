//! A typed handler becomes something that takes bytes and gives bytes: the one place where
//! types are erased.

use std::{future::Future, pin::Pin, sync::Arc};

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    context::Ctx,
    contract::{Event, Request},
    failure::{CallError, Failure},
    refusal::{FieldError, Never, Refusal, RefusalKind, Rejection},
};

/// What a handler of an event returns.
pub type Heard = Result<(), HandlerError<Never>>;

/// What a handler of `R` returns.
pub type Reply<R> = Result<<R as Request>::Reply, HandlerError<<R as Request>::Error>>;

/// Why a handler has no reply. Made by `?` from a refusal, a failed call, or anything else.
#[derive(Debug)]
pub enum HandlerError<E> {
    /// No, in the contract's words.
    Refused(E),
    /// No, in the mesh's words.
    Rejected(Rejection),
    /// A service that was asked failed; the caller is told which.
    Failed(Failure),
    /// The request has been done before. Made by `ctx.begin()`; the stored reply is given again.
    DoneBefore,
    /// Something that should not happen. It is logged under an id; the caller gets the id.
    Unexpected(anyhow::Error),
}

impl<E: Refusal> From<E> for HandlerError<E> {
    fn from(refusal: E) -> Self {
        Self::Refused(refusal)
    }
}

impl<E> From<anyhow::Error> for HandlerError<E> {
    fn from(error: anyhow::Error) -> Self {
        Self::Unexpected(error)
    }
}

/// A query that fails is nobody's fault who asks.
impl<E> From<sea_orm::DbErr> for HandlerError<E> {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Unexpected(error.into())
    }
}

impl<E> From<Rejection> for HandlerError<E> {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl<E> From<Failure> for HandlerError<E> {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// A refusal of a nested call means nothing to one's own caller unless the handler says what:
/// passed on by `?` it is unexpected.
impl<E, F: Refusal> From<CallError<F>> for HandlerError<E> {
    fn from(error: CallError<F>) -> Self {
        match error {
            CallError::Failed(failure) => Self::Failed(failure),
            no => Self::Unexpected(no.into()),
        }
    }
}

/// The request says nothing about who asks, and the handler wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this request must be made on behalf of somebody")]
pub struct NoCaller;

impl<E> From<NoCaller> for HandlerError<E> {
    fn from(no: NoCaller) -> Self {
        let kind = RefusalKind::Unauthenticated;
        Self::Rejected(Rejection::of_mesh(Rejection::NO_CALLER, kind, no.to_string()))
    }
}

/// What became of a request, ready to travel.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The reply's JSON.
    Done(Bytes),
    /// It was refused.
    Rejected(Rejection),
    /// A service that it needed failed.
    Failed(Failure),
    /// It has been done before; the reply is stored.
    DoneBefore,
    /// The handler failed unexpectedly.
    Broken(anyhow::Error),
}

type BoxedFuture = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// A handler of any contract.
pub(crate) type ErasedHandler<S> = Arc<dyn Fn(Ctx<S>, Bytes) -> BoxedFuture + Send + Sync>;

/// Erases the types of `handler`.
pub(crate) fn erase<S, R, H, F>(handler: H) -> ErasedHandler<S>
where
    S: Send + Sync + 'static,
    R: Request,
    H: Fn(Ctx<S>, R) -> F + Send + Sync + 'static,
    F: Future<Output = Reply<R>> + Send + 'static,
{
    let handler = Arc::new(handler);
    Arc::new(move |ctx, body| {
        let handler = Arc::clone(&handler);
        Box::pin(async move {
            match read::<R>(&body) {
                Ok(request) => outcome_of(handler(ctx, request).await),
                Err(rejection) => Outcome::Rejected(rejection),
            }
        })
    })
}

/// Erases the types of an event's handler.
pub(crate) fn erase_event<S, E, H, F>(handler: H) -> ErasedHandler<S>
where
    S: Send + Sync + 'static,
    E: Event,
    H: Fn(Ctx<S>, E) -> F + Send + Sync + 'static,
    F: Future<Output = Heard> + Send + 'static,
{
    let handler = Arc::new(handler);
    Arc::new(move |ctx, body| {
        let handler = Arc::clone(&handler);
        Box::pin(async move {
            match parse::<E>(&body) {
                Ok(event) => outcome_of(handler(ctx, event).await),
                Err(rejection) => Outcome::Rejected(rejection),
            }
        })
    })
}

/// Reads a request and checks its rules.
fn read<R: Request>(body: &[u8]) -> Result<R, Rejection> {
    let request: R = parse(body)?;
    request.validate().map_err(Rejection::invalid)?;
    Ok(request)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Rejection> {
    let mut json = serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let field = match error.path().to_string() {
            path if path == "." => String::new(),
            path => path,
        };
        Rejection::invalid(vec![FieldError { field, message: error.inner().to_string() }])
    })
}

fn outcome_of<T: Serialize, E: Refusal>(reply: Result<T, HandlerError<E>>) -> Outcome {
    match reply {
        Ok(reply) => match serde_json::to_vec(&reply) {
            Ok(body) => Outcome::Done(body.into()),
            Err(error) => Outcome::Broken(anyhow::Error::new(error).context("write the reply")),
        },
        Err(HandlerError::Refused(refusal)) => Outcome::Rejected(refusal.to_rejection()),
        Err(HandlerError::Rejected(rejection)) => Outcome::Rejected(rejection),
        Err(HandlerError::Failed(failure)) => Outcome::Failed(failure),
        Err(HandlerError::DoneBefore) => Outcome::DoneBefore,
        Err(HandlerError::Unexpected(error)) => Outcome::Broken(error),
    }
}
