//! What a handler knows besides its request.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use uuid::Uuid;

use crate::{
    call::Call,
    caller::Caller,
    contract::Request,
    deadline::Deadline,
    durable::{BeginError, Durable, Tx, inbox::Claim},
    envelope::RequestHead,
    handler::NoCaller,
    mesh::Mesh,
};

/// The circumstances of one request: who asks, until when, in which trace, and the service's
/// own state.
///
/// Calls made through it inherit the deadline and the trace, and say on whose behalf where the
/// manifest allows it.
#[derive(Debug)]
pub struct Ctx<S> {
    app: Arc<S>,
    mesh: Mesh,
    head: RequestHead,
    durable: Option<Durable>,
    claim: Option<Claim>,
    begun: Begun,
}

/// Whether a request has begun to change something: from there on it runs to its end, whatever
/// the deadline.
#[derive(Debug, Clone, Default)]
pub(crate) struct Begun(Arc<AtomicBool>);

impl Begun {
    pub(crate) fn is_so(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl<S> Ctx<S> {
    pub(crate) fn new(app: Arc<S>, mesh: Mesh, head: RequestHead) -> Self {
        Self { app, mesh, head, durable: None, claim: None, begun: Begun::default() }
    }

    /// With what it takes to change something, and the place of the request in the inbox.
    pub(crate) fn with(self, durable: Option<Durable>, claim: Option<Claim>, begun: Begun) -> Self {
        Self { durable, claim, begun, ..self }
    }

    /// Begins a change: the one way in which a handler changes data. What it writes, the events
    /// that it emits and the reply are committed together.
    ///
    /// For a request of [`Effect::Once`](crate::Effect) or an event this is also where a repeat
    /// ends: `?` makes the stored reply of it.
    ///
    /// # Errors
    /// See [`BeginError`].
    pub async fn begin(&self) -> Result<Tx, BeginError> {
        let Durable { database, relay } = self.durable.as_ref().ok_or(BeginError::NoDatabase)?;
        let (claim, trace) = (self.claim.clone(), self.head.trace);
        let tx = Tx::begin(database, relay, claim, trace, self.head.deadline).await?;
        self.begun.0.store(true, Ordering::Relaxed);
        Ok(tx)
    }

    /// The service's own state.
    pub fn app(&self) -> &S {
        &self.app
    }

    /// On whose behalf the request is made.
    ///
    /// # Errors
    /// [`NoCaller`] if it is made for nobody; `?` makes a refusal of it.
    pub fn caller(&self) -> Result<&Caller, NoCaller> {
        self.head.caller.as_ref().ok_or(NoCaller)
    }

    /// When nobody waits for the answer any more.
    pub fn deadline(&self) -> Deadline {
        self.head.deadline
    }

    /// The id that all messages of this request share.
    pub fn trace_id(&self) -> String {
        self.head.trace.trace_id()
    }

    /// The id of the request; the same when it is tried again.
    pub fn message_id(&self) -> Uuid {
        self.head.message_id
    }

    /// Asks another service, within this request's deadline and trace.
    pub fn call<R: Request>(&self, request: R) -> Call<'_, R> {
        let for_caller = self.mesh.manifest().calls.get(R::ROUTE).is_some_and(|r| r.for_caller);
        let until = self.head.deadline.leaving_time_to_reply();
        let call = self.mesh.call(request).until(until).trace(self.head.trace.child());
        match &self.head.caller {
            Some(caller) if for_caller => call.caller(caller),
            _ => call,
        }
    }
}
