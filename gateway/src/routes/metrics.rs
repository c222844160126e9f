//! What Prometheus reads.

use actix_web::{HttpRequest, HttpResponse, http::header, web::Data};

use crate::{auth::Admin, context::Context, problem::Problem, state::State};

/// The text format of Prometheus.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Shows metrics to who asks from this machine, and to administrators.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "showMetrics",
    tag = "operations",
    responses((status = 200, description = "Metrics", body = String, content_type = "text/plain")),
    security((), ("token" = [])),
)]
pub async fn show(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    if !Context::get(&request)?.client.is_local() {
        Admin::of(&request)?;
    }
    Ok(to_everybody(state).await)
}

/// Shows metrics to whoever can reach the listener of their own.
pub async fn to_everybody(state: Data<State>) -> HttpResponse {
    let text = (header::CONTENT_TYPE, TEXT);
    HttpResponse::Ok().insert_header(text).body(state.metrics.render())
}
