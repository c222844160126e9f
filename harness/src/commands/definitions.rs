//! What a broker must know: Warren's users, permissions, exchanges and queues.

use std::ffi::OsStr;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use harness::checkout::{self, Checkout};
use harness::secrets::{self, Secrets};
use reqwest::Url;
use serde_json::Value;
use tokio::process::Command;

/// What the services' manifests say, for one vhost. Each of the users gets a password first.
pub async fn generate(checkout: &Checkout, secrets: &Secrets, vhost: &str) -> Result<Value> {
    for user in permissions(checkout, &["--users".as_ref()]).await?.lines() {
        secrets.password(user)?;
    }
    let args =
        ["--secrets".as_ref(), secrets.dir().as_os_str(), "--vhost".as_ref(), vhost.as_ref()];
    let printed = permissions(checkout, &args).await?;
    serde_json::from_str(&printed).context("read what meshctl permissions printed")
}

/// Keeps the definitions in a file, and tells how to import them by hand.
pub fn how_to_import(checkout: &Checkout, definitions: &Value) -> Result<String> {
    let path = checkout.run("definitions.json");
    secrets::write_private(&path, &serde_json::to_string_pretty(definitions)?)?;
    Ok(format!(
        "The broker of AMQP_URL must know Warren's users and queues. Set MANAGEMENT_URL \
         (http://USER:PASSWORD@HOST:PORT) and they are imported here, or import them once:\n\n  \
         curl -u USER -H 'content-type: application/json' --data @{} \\\n       \
         http://HOST:15672/api/definitions\n",
        path.display()
    ))
}

/// The vhost that an AMQP address names: `/` if none, else what stands after the slash, where
/// a slash is written `%2f`.
pub fn vhost_of(amqp_url: &str) -> Result<String> {
    let url = Url::parse(amqp_url).with_context(|| format!("AMQP_URL={amqp_url}"))?;
    let path = url.path().trim_start_matches('/');
    Ok(if path.is_empty() { "/".to_owned() } else { path.replace("%2f", "/").replace("%2F", "/") })
}

async fn permissions(checkout: &Checkout, args: &[&OsStr]) -> Result<String> {
    let mut command = Command::new(checkout::binary("meshctl")?);
    command.arg("permissions").args(args);
    command.current_dir(checkout.root()).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.context("run meshctl permissions")?;
    if !output.status.success() {
        bail!("meshctl permissions: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    String::from_utf8(output.stdout).context("read what meshctl permissions printed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_address_names_a_vhost_or_means_the_first_one() {
        for (url, vhost) in [
            ("amqp://localhost", "/"),
            ("amqp://localhost:5672/%2f", "/"),
            ("amqps://broker.example.org/staging", "staging"),
        ] {
            assert_eq!(vhost_of(url).unwrap(), vhost);
        }
    }
}
