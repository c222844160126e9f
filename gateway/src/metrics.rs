//! What the gateway counts, and what the mesh counts within it, for Prometheus.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

use actix_web::http::{Method, StatusCode};
use anyhow::Context;
use mesh::Identity;
use metrics::{Gauge, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// Bounds of the buckets of every histogram of times, seconds.
const BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];
/// How often recorded times are put into their buckets; until then each takes memory.
const UPKEEP: Duration = Duration::from_secs(5);

/// The recorder of this process: there can be one.
static RECORDER: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();

/// What is counted.
#[derive(Debug, Clone)]
pub struct Metrics {
    recorder: PrometheusHandle,
    in_flight: Gauge,
}

impl Metrics {
    /// Starts counting, for the instance with this name. Several gateways in one process (in a
    /// test) share what is counted.
    ///
    /// # Errors
    /// If the process already counts with something else.
    pub fn start(identity: &Identity) -> anyhow::Result<Self> {
        let recorder = RECORDER.get_or_init(|| install(identity).map_err(|e| e.to_string()));
        let recorder = recorder.clone().map_err(anyhow::Error::msg).context("start metrics")?;
        Ok(Self { recorder, in_flight: gauge!("http_requests_in_flight") })
    }

    /// All of it, as Prometheus reads it.
    pub fn render(&self) -> String {
        self.recorder.render()
    }

    /// Counts a request that is being served, until what is returned is dropped.
    pub fn begin(&self) -> InFlight {
        self.in_flight.increment(1);
        InFlight(self.in_flight.clone())
    }

    /// Keeps the memory of unread times bounded, for ever.
    pub async fn keep_up(self) {
        let mut tick = tokio::time::interval(UPKEEP);
        loop {
            tick.tick().await;
            self.recorder.run_upkeep();
        }
    }
}

fn install(identity: &Identity) -> Result<PrometheusHandle, BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)?
        .add_global_label("service", identity.service)
        .add_global_label("instance", &identity.instance)
        .install_recorder()
}

/// A request that is being served.
#[derive(Debug)]
pub struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

/// Records a request that has been answered.
pub fn answered(method: &Method, route: &'static str, status: StatusCode, started: Instant) {
    let labels = [
        ("method", method_label(method).into()),
        ("route", route.into()),
        ("status", metrics::SharedString::from(status.as_str().to_owned())),
    ];
    histogram!("http_request_seconds", &labels).record(started.elapsed());
}

/// The method, if it is one of those that are used: clients may write anything.
pub fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}
