//! What a handler knows besides its request.

use std::sync::Arc;

use uuid::Uuid;

use crate::{
    call::Call, caller::Caller, contract::Request, deadline::Deadline, envelope::RequestHead,
    handler::NoCaller, mesh::Mesh,
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
}

impl<S> Clone for Ctx<S> {
    fn clone(&self) -> Self {
        Self { app: Arc::clone(&self.app), mesh: self.mesh.clone(), head: self.head.clone() }
    }
}

impl<S> Ctx<S> {
    pub(crate) fn new(app: Arc<S>, mesh: Mesh, head: RequestHead) -> Self {
        Self { app, mesh, head }
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
