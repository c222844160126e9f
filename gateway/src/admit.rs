//! Who comes in: finds out who asks, and counts the requests of each.

use std::rc::Rc;

use actix_web::{
    Error, HttpMessage,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
    web::Data,
};

use crate::{
    auth::{self, Identity},
    connections::Seat,
    context::Context,
    problem::Problem,
    rate_limit::{Allowance, Exhausted},
    state::State,
};

/// The middleware. It lets a request pass, or answers it 429.
///
/// # Errors
/// Those of the services within.
pub async fn admit(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if request.conn_data::<Seat>().is_some_and(|seat| seat.is_extra) {
        return Ok(request.error_response(Problem::too_many_connections()));
    }
    let Some((state, context)) = circumstances(&request) else {
        return Ok(request.error_response(Problem::internal("a request without a context")));
    };
    let identity = auth::identify(&request, &state).await;
    let counted = count(&request, &state, &context, &identity);
    request.extensions_mut().insert(identity);
    let (mut response, allowance) = match counted {
        Ok(allowance) => (next.call(request).await?.map_into_boxed_body(), allowance),
        Err(Exhausted { allowance, wait }) => {
            (request.error_response(Problem::too_many_requests(wait)), Some(allowance))
        }
    };
    if let Some(allowance) = allowance {
        allowance.write(response.headers_mut());
    }
    Ok(response)
}

fn circumstances(request: &ServiceRequest) -> Option<(Data<State>, Rc<Context>)> {
    let context = request.extensions().get::<Rc<Context>>().cloned()?;
    Some((request.app_data::<Data<State>>()?.clone(), context))
}

/// Counts the request where requests are counted: under `/api`, for the user, else the address.
fn count(
    request: &ServiceRequest,
    state: &State,
    context: &Context,
    identity: &Identity,
) -> Result<Option<Allowance>, Exhausted> {
    if !request.path().starts_with("/api/") {
        return Ok(None);
    }
    let counted = match identity {
        Identity::Known(verified) => state.users.take(verified.caller.user_id.as_u128()),
        Identity::Nobody | Identity::Rejected(_) => state.strangers.take(context.client.key()),
    };
    counted.map(Some)
}
