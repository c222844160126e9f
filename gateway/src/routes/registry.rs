//! Who is alive on the mesh.

use std::collections::BTreeSet;

use actix_web::web::{Json, Path};
use chrono::{DateTime, Utc};
use mesh::{
    Mesh,
    registry::{Counters, Instance},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Answer, health::Breaker};
use crate::{auth::Admin, problem::Problem};

/// One service, and its instances that are alive.
#[derive(Debug, Serialize, ToSchema)]
pub struct ServiceView {
    /// Its name.
    #[schema(example = "user-svc")]
    service: String,
    /// Its instances, by id.
    instances: Vec<InstanceView>,
    /// What it answers.
    #[schema(example = json!(["user.get", "user.login"]))]
    methods: BTreeSet<String>,
    /// The state of the gateway's breaker for it; none if the gateway does not call it.
    breaker: Option<Breaker>,
}

/// One instance.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceView {
    /// Its id.
    #[schema(example = "k3v9x0q2ab")]
    id: String,
    /// The version of its program.
    version: String,
    /// When it started.
    started_at: DateTime<Utc>,
    /// How far its clock is ahead of the gateway's, milliseconds.
    clock_skew_ms: i64,
    /// What it has done.
    counters: CountersView,
}

/// What an instance has done. Counts are since its start, times of the last five seconds.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CountersView {
    /// Requests being handled now.
    in_flight: u64,
    /// Requests answered, refusals included.
    handled: u64,
    /// Requests refused.
    refused: u64,
    /// Requests whose handler failed unexpectedly.
    broken: u64,
    /// Requests that came too late and were not begun.
    late: u64,
    /// Median time of a handler, milliseconds.
    p50_ms: f64,
    /// 99th percentile of it, milliseconds.
    p99_ms: f64,
}

impl From<Counters> for CountersView {
    fn from(counters: Counters) -> Self {
        let Counters { in_flight, handled, refused, broken, late, p50_ms, p99_ms } = counters;
        Self { in_flight, handled, refused, broken, late, p50_ms, p99_ms }
    }
}

impl From<Instance> for InstanceView {
    fn from(instance: Instance) -> Self {
        let said = instance.announcement;
        let started_at = i64::try_from(said.started_at).ok();
        Self {
            id: said.instance,
            version: said.version,
            started_at: started_at.and_then(DateTime::from_timestamp_millis).unwrap_or_default(),
            clock_skew_ms: instance.clock_skew_ms,
            counters: said.counters.into(),
        }
    }
}

impl ServiceView {
    fn of(service: String, mesh: &Mesh) -> Self {
        let instances = mesh.registry().instances(&service);
        let contracts = instances.iter().flat_map(|i| i.announcement.contracts.keys());
        Self {
            methods: contracts.cloned().collect(),
            breaker: mesh.breaker(&service).map(|(state, _)| state.into()),
            instances: instances.into_iter().map(InstanceView::from).collect(),
            service,
        }
    }
}

/// Those that are alive, and those that the gateway calls.
fn names(mesh: &Mesh) -> BTreeSet<String> {
    let called = mesh.manifest().called_services();
    mesh.registry().services().into_iter().chain(called).collect()
}

/// Lists the members of the mesh.
#[utoipa::path(
    get,
    path = "/api/registry",
    operation_id = "listServices",
    tag = "operations",
    responses((status = 200, description = "The members, by name", body = Vec<ServiceView>)),
)]
pub async fn list(admin: Admin) -> Json<Vec<ServiceView>> {
    let mesh = &admin.state().mesh;
    Json(names(mesh).into_iter().map(|service| ServiceView::of(service, mesh)).collect())
}

/// Shows one member of the mesh.
#[utoipa::path(
    get,
    path = "/api/registry/{service}",
    operation_id = "showService",
    tag = "operations",
    params(("service" = String, Path, description = "Its name", example = "user-svc")),
    responses((status = 200, description = "The member", body = ServiceView)),
)]
pub async fn show(admin: Admin, service: Path<String>) -> Answer<ServiceView> {
    let (mesh, service) = (&admin.state().mesh, service.into_inner());
    if !names(mesh).contains(&service) {
        return Err(Problem::not_found("registry.not_found", "there is no such service"));
    }
    Ok(Json(ServiceView::of(service, mesh)))
}
