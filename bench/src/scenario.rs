//! What is measured: one system on a broker of its own, asked the same thing again and again.

use std::{collections::BTreeMap, path::Path, time::Duration};

use anyhow::Context;
use common_messages::services;
use e2e::{Plan, System, all_services};
use harness::{Node, Postgres};
use mesh::{
    database::testing::{Backend, TestDatabase},
    testing::TestMesh,
};

use crate::{
    cpu,
    load::{self, Load, Seen},
};

/// The median round of one connection count.
#[derive(Debug, Clone)]
pub struct Measured {
    pub connections: u32,
    pub seen: Seen,
    /// CPU seconds for 10,000 requests: of the gateway, the service, the broker.
    pub cpu: [f64; 3],
}

/// What is asked, and of which service.
struct Scenario<'a> {
    path: &'a str,
    service: &'a str,
    script: Option<&'a Path>,
    connections: &'a [u32],
}

/// How long, and how often.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    pub time: Duration,
    pub rounds: u32,
}

/// `GET /api/users/profile`: token, one request/reply, one row of the database.
pub async fn profile(node: &Node, effort: Effort) -> anyhow::Result<Vec<Measured>> {
    let system = start(node, None).await?;
    let (path, service) = ("/api/users/profile", "user-svc");
    measure(
        &system,
        node,
        effort,
        Scenario { path, service, script: None, connections: &[1, 64, 256] },
    )
    .await
}

/// `POST /api/orders`: durable, once for its key, told of by an event.
pub async fn orders(
    node: &Node,
    server: Option<&Postgres>,
    effort: Effort,
) -> anyhow::Result<Vec<Measured>> {
    let system = start(node, server).await?;
    let script = Some(Path::new("bench/src/orders.lua"));
    let (path, service) = ("/api/orders", "order-svc");
    measure(&system, node, effort, Scenario { path, service, script, connections: &[64] }).await
}

async fn start(node: &Node, server: Option<&Postgres>) -> anyhow::Result<System> {
    let management = node.management_url_with_login();
    let test = TestMesh::on(&services::all()?, &node.amqp_url(), &management).await;
    let backend = if server.is_some() { Backend::Postgres } else { Backend::Sqlite };
    let plan = Plan { backend, instances: 1, gateways: 1 };
    let mut databases = BTreeMap::new();
    for service in all_services() {
        let database = match server {
            Some(server) => TestDatabase::on_server(&server.server_url()).await,
            None => TestDatabase::start(backend).await,
        };
        databases.insert(service, database);
    }
    let quiet =
        [("LOG_LEVEL", "warn"), ("ACCESS_TOKEN_SECONDS", "86400"), ("RATE_USER", "100000000")];
    Ok(System::with_databases(test, plan, databases, &quiet).up().await)
}

async fn measure(
    system: &System,
    node: &Node,
    effort: Effort,
    scenario: Scenario<'_>,
) -> anyhow::Result<Vec<Measured>> {
    let anna = system.client().register("anna").await;
    let url = format!("{}{}", system.address(), scenario.path);
    let token = anna.token.context("a token")?;
    let load = Load { url: &url, token: &token, script: scenario.script };
    load::run(&load, 64, Duration::from_secs(2)).await.context("warm up")?;
    // Interleaved, so that a slow minute of the machine does not hit one row alone.
    let mut measured = Vec::new();
    for _ in 0..effort.rounds {
        for connections in scenario.connections {
            let before = times(system, scenario.service, node)?;
            let seen = load::run(&load, *connections, effort.time).await?;
            let after = times(system, scenario.service, node)?;
            let cpu = std::array::from_fn(|at| (after[at] - before[at]) / seen.requests * 10_000.0);
            measured.push(Measured { connections: *connections, seen, cpu });
        }
    }
    Ok(scenario.connections.iter().filter_map(|count| median(&measured, *count)).collect())
}

fn times(system: &System, service: &str, node: &Node) -> anyhow::Result<[f64; 3]> {
    let own = |program| cpu::seconds(system.pid(program));
    Ok([own("gateway")?, own(service)?, cpu::seconds(node.pid())?])
}

fn median(measured: &[Measured], connections: u32) -> Option<Measured> {
    let mut rounds: Vec<_> = measured.iter().filter(|m| m.connections == connections).collect();
    rounds.sort_by(|a, b| a.seen.rate.total_cmp(&b.seen.rate));
    rounds.get(rounds.len() / 2).map(|middle| (*middle).clone())
}
