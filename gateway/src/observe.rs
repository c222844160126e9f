//! What happens to every request, whatever becomes of it: it gets a context, a problem document
//! if it fails, the headers that every answer has, a line in the log and a place in the metrics.

use std::rc::Rc;

use actix_web::{
    Error, HttpMessage,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header::{self, HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    web::Data,
};

use crate::{
    app::Route,
    auth::Identity,
    context::{Context, TRACEPARENT, X_REQUEST_ID},
    metrics, problem_document,
    state::State,
};

/// What no answer of ours needs: scripts, styles, frames, forms. Pages set their own.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The headers of every answer that has not set them itself.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::CACHE_CONTROL, "no-store"),
];

/// The middleware; the outermost.
///
/// # Errors
/// Those of the services within, which answer their errors themselves.
pub async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(state) = request.app_data::<Data<State>>() else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let _in_flight = state.metrics.begin();
    let context = Rc::new(Context::of(&request, &state.config));
    request.extensions_mut().insert(Rc::clone(&context));

    let response = next.call(request).await?.map_into_boxed_body();

    let (mut response, cause) = problem_document::complete(response, context.request_id());
    write_headers(response.headers_mut(), &context);
    let route = response.request().app_data::<Route>().map_or("unmatched", |route| route.0);
    metrics::answered(response.request().method(), route, response.status(), context.started);
    log(&response, &context, route, cause.as_deref());
    Ok(response)
}

fn write_headers(headers: &mut HeaderMap, context: &Context) {
    headers.insert(X_REQUEST_ID, context.request_id.clone());
    if let Ok(trace) = HeaderValue::try_from(context.trace.to_string()) {
        headers.insert(TRACEPARENT, trace);
    }
    for (name, value) in HEADERS {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}

/// One line for each request. Never a token or a body, nor a path: it may hold somebody's name.
fn log(response: &ServiceResponse, context: &Context, route: &str, cause: Option<&str>) {
    let request = response.request();
    let user = match request.extensions().get::<Identity>() {
        Some(Identity::Known(verified)) => Some(verified.caller.user_id),
        _ => None,
    };
    let user = user.map(tracing::field::display);
    let (method, status) = (request.method().as_str(), response.status());
    let micros = u32::try_from(context.started.elapsed().as_micros()).unwrap_or(u32::MAX);
    let ms = f64::from(micros) / 1e3;
    let request_id = context.request_id();
    let trace_id = tracing::field::display(context.trace.trace_id());
    match status.is_server_error() {
        true => tracing::warn!(
            method,
            route,
            status = status.as_u16(),
            ms,
            user,
            request_id,
            trace_id,
            cause,
            "request failed"
        ),
        false => tracing::info!(
            method,
            route,
            status = status.as_u16(),
            ms,
            user,
            request_id,
            trace_id,
            "request"
        ),
    }
}
