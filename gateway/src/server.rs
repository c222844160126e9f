//! Listening, serving, and stopping without losing what has been accepted.

use std::{future::Future, io, net::SocketAddr, time::Duration};

use actix_web::{
    App, HttpServer,
    dev::{Server as Actix, ServerHandle},
    http::KeepAlive,
    web::{self, Data},
};
use anyhow::Context;
use mesh::Mesh;
use tokio::task::JoinHandle;

use crate::{
    app::app, config::GatewayConfig, hearing::Hearing, metrics::Metrics,
    routes::metrics::to_everybody, state::State,
};

/// A client has this long for the head of its first request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// A gateway that serves.
#[derive(Debug)]
pub struct Server {
    hearing: Hearing,
    addr: SocketAddr,
    metrics_addr: Option<SocketAddr>,
    handles: Vec<ServerHandle>,
    serving: JoinHandle<io::Result<()>>,
    upkeep: [JoinHandle<()>; 2],
}

impl Server {
    /// Listens and serves from here on, for the member `mesh`. A connection to the broker is not
    /// waited for. What is under way when it stops has `grace` to end.
    ///
    /// # Errors
    /// If it cannot listen. Must be called within a tokio runtime.
    pub fn start(mesh: Mesh, config: GatewayConfig, grace: Duration) -> anyhow::Result<Self> {
        let metrics = Metrics::start(mesh.identity())?;
        let metrics_addr = config.metrics_addr;
        let upkeep = tokio::spawn(metrics.clone().keep_up());
        let state = Data::new(State::new(mesh, config, metrics));
        let keys = state.clone();
        let keys = tokio::spawn(async move { keys.keep_keys().await });

        let (serving, addr) = serve(&state, grace)?;
        let hearing = Hearing::start(&state.clone().into_inner());
        let mut handles = vec![serving.handle()];
        let mut metrics_bound = None;
        if let Some(addr) = metrics_addr {
            let (serving, addr) = serve_metrics(&state, addr)?;
            handles.push(serving.handle());
            metrics_bound = Some(addr);
            tokio::spawn(serving);
        }
        let serving = tokio::spawn(serving);
        tracing::info!(%addr, "listening");
        Ok(Self {
            hearing,
            addr,
            metrics_addr: metrics_bound,
            handles,
            serving,
            upkeep: [upkeep, keys],
        })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where its metrics have a listener of their own.
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics_addr
    }

    /// Serves until `stop` completes; then takes no more connections, ends what is under way, and
    /// leaves the mesh.
    ///
    /// # Errors
    /// If it cannot go on serving, or leaves without having ended all.
    pub async fn run_until(mut self, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        let ended = tokio::select! {
            ended = &mut self.serving => ended.context("serve HTTP").and_then(|ended| ended.context("serve HTTP")),
            error = self.hearing.failed() => Err(error),
            () = stop => Ok(()),
        };
        tracing::info!("stopping");
        for handle in &self.handles {
            handle.stop(true).await;
        }
        self.upkeep.iter().for_each(JoinHandle::abort);
        // Only now: what was under way has asked its services.
        ended.and(self.hearing.stop().await)
    }
}

fn serve(state: &Data<State>, grace: Duration) -> anyhow::Result<(Actix, SocketAddr)> {
    let config = &state.config;
    let workers = workers(config);
    let keep_alive = match config.keep_alive {
        Duration::ZERO => KeepAlive::Disabled,
        time => KeepAlive::Timeout(time),
    };
    let (shared, counted) = (state.clone(), state.clone());
    let server = HttpServer::new(move || app(shared.clone()))
        .on_connect(move |stream, kept| {
            let proxies = &counted.config.trusted_proxies.0;
            counted.connections.count(stream, kept, proxies);
        })
        .workers(workers)
        .max_connections((config.max_connections as usize).div_ceil(workers))
        .keep_alive(keep_alive)
        .client_request_timeout(HEAD_TIMEOUT)
        .tcp_nodelay(true)
        .shutdown_timeout(grace.as_secs().max(1))
        .disable_signals()
        .bind(config.addr)
        .with_context(|| format!("listen at GATEWAY_ADDR {}", config.addr))?;
    let addr = server.addrs().first().copied().unwrap_or(config.addr);
    Ok((server.run(), addr))
}

fn serve_metrics(state: &Data<State>, addr: SocketAddr) -> anyhow::Result<(Actix, SocketAddr)> {
    let state = state.clone();
    let app =
        move || App::new().app_data(state.clone()).route("/metrics", web::get().to(to_everybody));
    let server = HttpServer::new(app)
        .workers(1)
        .max_connections(64)
        .shutdown_timeout(1)
        .disable_signals()
        .bind(addr)
        .with_context(|| format!("listen at METRICS_ADDR {addr}"))?;
    let addr = server.addrs().first().copied().unwrap_or(addr);
    Ok((server.run(), addr))
}

fn workers(config: &GatewayConfig) -> usize {
    match config.workers {
        0 => std::thread::available_parallelism().map_or(1, Into::into),
        workers => workers.into(),
    }
}
