//! Brings the broker to know Warren's users, permissions, exchanges and queues.

use std::process::Stdio;

use anyhow::{Context, Result, bail};
use harness::checkout::{self, Checkout};
use harness::secrets::{self, Secrets};
use harness::{Management, Node};
use serde_json::Value;
use tokio::process::Command;

use crate::progress::Progress;
use crate::settings::Settings;

/// Into a node of our own.
pub async fn import(checkout: &Checkout, node: &Node, secrets: &Secrets) -> Result<()> {
    node.import_definitions(&generate(checkout, secrets).await?).await
}

/// Into the broker that `AMQP_URL` names: over its management API if we know that, else by
/// telling the operator how.
pub async fn import_elsewhere(
    checkout: &Checkout,
    progress: &Progress,
    settings: &Settings,
    secrets: &Secrets,
) -> Result<()> {
    let definitions = generate(checkout, secrets).await?;
    if let Some(url) = &settings.management_url {
        let management = Management::new(url).context("MANAGEMENT_URL")?;
        let import = management.import_definitions(&definitions);
        return progress.step("users, permissions, queues", import).await;
    }
    let path = checkout.run("definitions.json"); // holds the passwords' hashes
    secrets::write_private(&path, &serde_json::to_string_pretty(&definitions)?)?;
    progress.say(&format!(
        "The broker of AMQP_URL must know Warren's users and queues. Set MANAGEMENT_URL \
         (http://USER:PASSWORD@HOST:PORT) and they are imported here, or import them once:\n\n  \
         curl -u USER -H 'content-type: application/json' --data @{} \\\n       \
         http://HOST:15672/api/definitions\n",
        path.display()
    ));
    Ok(())
}

/// What `meshctl permissions` derives from the services' manifests.
async fn generate(checkout: &Checkout, secrets: &Secrets) -> Result<Value> {
    let mut command = Command::new(checkout::binary("meshctl")?);
    command.arg("permissions").arg("--secrets").arg(secrets.dir());
    command.current_dir(checkout.root()).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.context("run meshctl permissions")?;
    if !output.status.success() {
        bail!("meshctl permissions: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    serde_json::from_slice(&output.stdout).context("read what meshctl permissions printed")
}
