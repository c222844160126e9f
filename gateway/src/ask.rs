//! The one way from HTTP to the mesh.

use std::{
    future::{Ready, ready},
    rc::Rc,
    sync::Arc,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web::Data};
use mesh::{Answer, Call, CallError, Deadline, Request};

use crate::{
    context::Context, idempotency::IdempotencyKey, problem::Problem, state::State, tokens::Verified,
};

/// Asks services, within the request's deadline and trace, on behalf of who has asked us: of
/// nobody, if it is extracted as itself; of a user, if as part of [`User`](crate::auth::User).
#[derive(Debug)]
pub struct Ask {
    state: Data<State>,
    context: Rc<Context>,
    deadline: Deadline,
    caller: Option<Arc<Verified>>,
}

impl Ask {
    /// For `caller`, in the circumstances of `request`.
    ///
    /// # Errors
    /// If the client has asked for a deadline that is none.
    pub fn new(request: &HttpRequest, caller: Option<Arc<Verified>>) -> Result<Self, Problem> {
        let state = request.app_data::<Data<State>>().cloned();
        let state = state.ok_or_else(|| Problem::internal("a request without the state"))?;
        let context = Context::get(request)?;
        let deadline = context.deadline()?;
        Ok(Self { state, context, deadline, caller })
    }

    /// Asks, and waits for the answer. `?` makes a [`Problem`] of a no and of a failure.
    ///
    /// # Errors
    /// Those of [`mesh::Call`].
    pub async fn ask<R: Request>(&self, request: R) -> Result<R::Reply, CallError<R::Error>> {
        self.call(request).await
    }

    /// Asks what must not happen twice. With a key, a repeat gets the answer of the first one.
    ///
    /// # Errors
    /// Those of [`mesh::Call`].
    pub async fn ask_once<R: Request>(
        &self,
        request: R,
        key: IdempotencyKey,
    ) -> Result<Answer<R::Reply>, CallError<R::Error>> {
        let call = self.call(request);
        match key.0 {
            Some(key) => call.key(key).answer().await,
            None => call.answer().await,
        }
    }

    fn call<R: Request>(&self, request: R) -> Call<'_, R> {
        let trace = self.context.trace.child();
        let call = self.state.mesh.call(request).until(self.deadline).trace(trace);
        match &self.caller {
            Some(verified) => call.caller(&verified.caller),
            None => call,
        }
    }

    /// The gateway.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The request's circumstances.
    pub fn context(&self) -> &Context {
        &self.context
    }
}

impl FromRequest for Ask {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::new(request, None))
    }
}
