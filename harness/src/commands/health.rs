//! Whether the system serves, as the gateway sees it.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use harness::checkout::Checkout;
use harness::logs;
use harness::stack::{SERVICES, Scale};
use reqwest::Client;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use crate::settings::Settings;

const POLL: Duration = Duration::from_millis(100);

/// Waits until the gateway is ready and sees every instance that was started.
pub async fn wait(
    checkout: &Checkout,
    settings: &Settings,
    scale: &Scale,
    patience: Duration,
) -> Result<()> {
    let http = Client::builder().timeout(Duration::from_secs(2)).build()?;
    let url = settings.gateway_url();
    let mut missing = Missing::Gateway;
    let healthy = async {
        loop {
            missing = look(&http, &url, scale).await;
            if matches!(missing, Missing::Nothing) {
                return;
            }
            sleep(POLL).await;
        }
    };
    if timeout(patience, healthy).await.is_ok() {
        return Ok(());
    }
    let (who, what) = match missing {
        Missing::Instances(name) => (name, format!("the gateway sees too few instances of {name}")),
        _ => ("gateway", format!("the gateway is not ready at {url}")),
    };
    let log = checkout.run("logs").join(format!("{who}.log"));
    bail!("after {patience:?} {what}{}", logs::last_lines(&log))
}

enum Missing {
    Nothing,
    Gateway,
    Instances(&'static str),
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
