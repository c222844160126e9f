//! Whether the system serves, as the gateway sees it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use harness::logs;
use harness::stack::{GATEWAY, SERVICES, Scale, Service};
use harness::supervisor::Supervised;
use reqwest::Client;
use serde_json::Value;
use tokio::time::{Instant, sleep};

const POLL: Duration = Duration::from_millis(100);

/// How long the services may take until they serve.
const PATIENCE: Duration = Duration::from_secs(90);

/// A service that ends so often before the system serves will not come up by itself: its
/// configuration is wrong.
const CRASHES: u32 = 3;

/// Waits until the gateway at `url` is ready and sees every instance that was started.
pub async fn wait(
    url: &str,
    scale: &Scale,
    services: &[(&Service, Supervised)],
    logs: &Path,
) -> Result<()> {
    let http = Client::builder().timeout(Duration::from_secs(2)).build()?;
    let log = |name: &str| logs::end_of(&logs.join(format!("{name}.log")));
    let deadline = Instant::now() + PATIENCE;
    loop {
        let missing = look(&http, url, scale).await;
        if matches!(missing, Missing::Nothing) {
            return Ok(());
        }
        let crashing = services.iter().map(|(_, one)| one).find(|one| one.crashes() >= CRASHES);
        if let Some(name) = crashing.map(Supervised::name) {
            bail!("{name} does not start{}", log(name));
        }
        if Instant::now() > deadline {
            let who = missing.who();
            bail!("after {PATIENCE:?} the system is not healthy for want of {who}{}", log(who));
        }
        sleep(POLL).await;
    }
}

enum Missing {
    Nothing,
    Gateway,
    Instances(&'static str),
}

impl Missing {
    fn who(&self) -> &'static str {
        match self {
            Self::Instances(name) => name,
            Self::Gateway | Self::Nothing => GATEWAY.name,
        }
    }
}

async fn look(http: &Client, url: &str, scale: &Scale) -> Missing {
    let ready = http.get(format!("{url}/health/ready")).send().await;
    if !ready.is_ok_and(|answer| answer.status().is_success()) {
        return Missing::Gateway;
    }
    let Ok(health) = health(http, url).await else { return Missing::Gateway };
    let inner = SERVICES.iter().filter(|service| !service.listens);
    let too_few = |name, count| instances(&health, name) < count;
    inner
        .map(|service| (service.name, scale.of(service)))
        .find(|(name, count)| too_few(name, *count))
        .map_or(Missing::Nothing, |(name, _)| Missing::Instances(name))
}

/// What `GET /health` answers.
pub async fn health(http: &Client, url: &str) -> Result<Value> {
    let answer = http.get(format!("{url}/health")).send().await.context("ask for the health")?;
    answer.json().await.context("read the health")
}

/// How many instances of a service the gateway sees. (There it is named without `-svc`.)
pub fn instances(health: &Value, service: &str) -> usize {
    let short = service.trim_end_matches("-svc");
    let count = health["services"][short]["instances"].as_u64().unwrap_or(0);
    usize::try_from(count).unwrap_or(usize::MAX)
}
