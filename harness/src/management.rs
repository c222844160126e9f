//! What is asked of a broker over its management API.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::{Client, RequestBuilder, StatusCode, Url};
use serde_json::Value;

/// Importing definitions may take a while on a busy machine; the rest is fast.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The management API of a broker, as one of its administrators.
#[derive(Debug, Clone)]
pub struct Management {
    http: Client,
    base: Url,
}

/// How a management API answers an administrator who knocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Greeting {
    /// Not at all, or not yet.
    Silent,
    /// It is there, but the login is wrong.
    Unknown,
    /// It is there, and knows us.
    Known,
}

impl Management {
    /// `url` is `http://USER:PASSWORD@HOST:PORT`.
    pub fn new(url: &str) -> Result<Self> {
        let base = Url::parse(url).context("the address of the management API")?;
        let http = Client::builder().timeout(TIMEOUT).build().context("make an HTTP client")?;
        Ok(Self { http, base })
    }

    /// Whether it answers, and knows us.
    pub async fn greets(&self) -> Greeting {
        let Ok(address) = self.at("api/whoami") else { return Greeting::Silent };
        match self.http.get(address).send().await.map(|answer| answer.status()) {
            Ok(StatusCode::OK) => Greeting::Known,
            Ok(StatusCode::UNAUTHORIZED) => Greeting::Unknown,
            _ => Greeting::Silent,
        }
    }

    /// Adds users, permissions, exchanges, queues, bindings and policies. What is already
    /// there stays, and is overwritten where it bears the same name.
    pub async fn import_definitions(&self, definitions: &Value) -> Result<()> {
        let request = self.http.post(self.at("api/definitions")?).json(definitions);
        send(request).await.context("import the definitions")?;
        Ok(())
    }

    /// What `GET` answers at `path` (such as `api/queues/%2F`).
    pub async fn get(&self, path: &str) -> Result<Value> {
        let body = send(self.http.get(self.at(path)?)).await?;
        serde_json::from_str(&body).with_context(|| format!("read the answer of {path}"))
    }

    fn at(&self, path: &str) -> Result<Url> {
        self.base.join(path).with_context(|| format!("the address of {path}"))
    }
}

async fn send(request: RequestBuilder) -> Result<String> {
    let answer = request.send().await.context("ask the management API")?;
    let status = answer.status();
    let body = answer.text().await.context("read the answer of the management API")?;
    if !status.is_success() {
        bail!("the management API answered {status}: {body}");
    }
    Ok(body)
}
