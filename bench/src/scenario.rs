//! What is measured: GET profile, from token to database and back.

use std::time::Duration;

use anyhow::Context;
use common_messages::services;
use e2e::{Plan, System};
use harness::Node;
use mesh::{database::testing::Backend, testing::TestMesh};

use crate::{
    cpu,
    load::{self, Seen},
};

/// Connections of each measurement.
const CONNECTIONS: [u32; 3] = [1, 64, 256];

/// The median round of one connection count.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    pub connections: u32,
    pub seen: Seen,
    /// CPU seconds for 10,000 requests.
    pub gateway: f64,
    pub user_svc: f64,
    pub broker: f64,
}

/// `GET /api/users/profile`: token, one request/reply, one row of the database.
pub async fn profile(
    node: &Node,
    time: Duration,
    rounds: u32,
) -> anyhow::Result<Vec<Measured>> {
    let management = node.management_url_with_login();
    let test = TestMesh::on(&services::all()?, &node.amqp_url(), &management).await;
    let quiet = [("LOG_LEVEL", "warn"), ("ACCESS_TOKEN_SECONDS", "86400")];
    let plan = Plan { backend: Backend::Sqlite, instances: 1, gateways: 1 };
    let system = System::start_on(test, plan, &quiet).await;
    let anna = system.client().register("anna").await;
    let url = format!("{}/api/users/profile", system.address());
    let token = anna.token.context("a token")?;

    load::run(&url, &token, 64, Duration::from_secs(2)).await.context("warm up")?;
    // Interleaved, so that a slow minute of the machine does not hit one row alone.
    let mut measured = Vec::new();
    for _ in 0..rounds {
        for connections in CONNECTIONS {
            let before = times(&system, node)?;
            let seen = load::run(&url, &token, connections, time).await?;
            let after = times(&system, node)?;
            let per_10_000 = |at: usize| (after[at] - before[at]) / seen.requests * 10_000.0;
            let [gateway, user_svc, broker] = [per_10_000(0), per_10_000(1), per_10_000(2)];
            measured.push(Measured { connections, seen, gateway, user_svc, broker });
        }
    }
    Ok(CONNECTIONS.iter().filter_map(|count| median(&measured, *count)).collect())
}

fn times(system: &System, node: &Node) -> anyhow::Result<[f64; 3]> {
    let own = |program| cpu::seconds(system.pid(program));
    Ok([own("gateway")?, own("user-svc")?, cpu::seconds(node.pid())?])
}

fn median(measured: &[Measured], connections: u32) -> Option<Measured> {
    let mut rounds: Vec<_> = measured.iter().filter(|m| m.connections == connections).collect();
    rounds.sort_by(|a, b| a.seen.rate.total_cmp(&b.seen.rate));
    rounds.get(rounds.len() / 2).map(|middle| **middle)
}
