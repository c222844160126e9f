//! Whether the gateway, and what it needs, is well.

use std::collections::BTreeMap;

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Json},
};
use chrono::{DateTime, Utc};
use mesh::{BreakerState, Mesh, topology::word_of};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{problem::Problem, state::State};

/// How the system is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    status: Wellness,
    /// When this was seen.
    timestamp: DateTime<Utc>,
    /// The services that the gateway calls, by their short names.
    services: BTreeMap<String, ServiceHealth>,
}

/// How well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Wellness {
    /// Everything is there.
    Ok,
    /// Some service is away or fails.
    Degraded,
    /// There is no broker: nothing can be asked.
    Down,
}

/// One service, as the gateway sees it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ServiceHealth {
    status: Breaker,
    /// Its failures within the last 10 s.
    failures: usize,
    /// Its instances that are alive.
    instances: usize,
}

/// What the breaker of a service does with the next call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Breaker {
    /// Lets it through.
    Closed,
    /// Fails it at once.
    Open,
    /// Has let one through and waits for what becomes of it.
    HalfOpen,
}

impl From<BreakerState> for Breaker {
    fn from(state: BreakerState) -> Self {
        match state {
            BreakerState::Closed => Self::Closed,
            BreakerState::Open => Self::Open,
            BreakerState::HalfOpen => Self::HalfOpen,
        }
    }
}

impl ServiceHealth {
    fn of(service: &str, mesh: &Mesh) -> Self {
        let (state, failures) = mesh.breaker(service).unwrap_or((BreakerState::Closed, 0));
        let instances = mesh.registry().instances(service).len();
        Self { status: state.into(), failures, instances }
    }

    fn is_well(&self) -> bool {
        self.status == Breaker::Closed && self.instances > 0
    }
}

impl Health {
    fn of(mesh: &Mesh) -> Self {
        let called = mesh.manifest().called_services();
        let services: BTreeMap<_, _> = called
            .iter()
            .map(|service| (word_of(service).to_owned(), ServiceHealth::of(service, mesh)))
            .collect();
        let status = match mesh.is_connected() {
            false => Wellness::Down,
            true if services.values().all(ServiceHealth::is_well) => Wellness::Ok,
            true => Wellness::Degraded,
        };
        Self { status, timestamp: Utc::now(), services }
    }
}

/// Says how the gateway and the services behind it are.
#[utoipa::path(
    get,
    path = "/health",
    operation_id = "showHealth",
    tag = "operations",
    responses(
        (status = 200, description = "Well, or degraded", body = Health),
        (status = 503, description = "Down: there is no broker", body = Health),
    ),
    security(()),
)]
pub async fn overview(state: Data<State>) -> HttpResponse {
    let health = Health::of(&state.mesh);
    let status = match health.status {
        Wellness::Down => StatusCode::SERVICE_UNAVAILABLE,
        Wellness::Ok | Wellness::Degraded => StatusCode::OK,
    };
    HttpResponse::build(status).json(health)
}

/// A sign of life.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignOfLife {
    /// Always `ok`.
    status: Wellness,
}

const ALIVE: Json<SignOfLife> = Json(SignOfLife { status: Wellness::Ok });

/// Says that the process serves requests.
#[utoipa::path(
    get,
    path = "/health/live",
    operation_id = "showLiveness",
    tag = "operations",
    responses((status = 200, description = "It does", body = SignOfLife)),
    security(()),
)]
pub async fn live() -> Json<SignOfLife> {
    ALIVE
}

/// Says whether requests can be served: whether there is a broker.
#[utoipa::path(
    get,
    path = "/health/ready",
    operation_id = "showReadiness",
    tag = "operations",
    responses((status = 200, description = "They can", body = SignOfLife)),
    security(()),
)]
pub async fn ready(state: Data<State>) -> Result<Json<SignOfLife>, Problem> {
    if state.mesh.is_connected() { Ok(ALIVE) } else { Err(Problem::not_ready()) }
}
