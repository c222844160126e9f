//! The broker's management API, as far as tests need it.

use reqwest::{Client, Method, Response};
use serde_json::Value;

/// An administrator's access to the management API.
#[derive(Debug, Clone)]
pub struct Management {
    client: Client,
    base: String,
    user: String,
    password: String,
}

impl Management {
    /// `url` is `http://user:password@host:port`.
    pub fn at(url: &str) -> Self {
        let parsed: reqwest::Url = url.parse().expect("the management URL");
        let mut base = parsed.clone();
        let cleared = base.set_username("").and_then(|()| base.set_password(None));
        cleared.expect("a URL with a host");
        Self {
            client: Client::new(),
            base: base.to_string().trim_end_matches('/').to_owned(),
            user: parsed.username().to_owned(),
            password: parsed.password().unwrap_or_default().to_owned(),
        }
    }

    /// The same, with connections of its own.
    pub(super) fn afresh(&self) -> Self {
        Self { client: Client::new(), ..self.clone() }
    }

    /// The administrator's name.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The administrator's password.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Reads what stands at `path` under `/api`.
    pub async fn get(&self, path: &str) -> Value {
        let answer = self.send(Method::GET, path, None).await;
        answer.json().await.expect("JSON from the management API")
    }

    /// Sends `body` to `path` under `/api`.
    pub async fn post(&self, path: &str, body: &Value) {
        self.send(Method::POST, path, Some(body)).await;
    }

    /// Sends `body` to `path` under `/api`; the answer's text if it is a refusal.
    pub(super) async fn try_post(&self, path: &str, body: &Value) -> Result<(), String> {
        let request = self.client.post(format!("{}/api/{path}", self.base)).json(body);
        let sent = request.basic_auth(&self.user, Some(&self.password)).send().await;
        let answer = sent.map_err(|error| error.to_string())?;
        if answer.status().is_success() {
            return Ok(());
        }
        Err(answer.text().await.unwrap_or_default())
    }

    /// Puts `body` at `path` under `/api`.
    pub async fn put(&self, path: &str, body: &Value) {
        self.send(Method::PUT, path, Some(body)).await;
    }

    /// Deletes what stands at `path` under `/api`; that it is not there is fine.
    pub async fn delete(&self, path: &str) {
        self.try_delete(path).await;
    }

    pub(super) async fn try_delete(&self, path: &str) {
        let request = self.client.delete(format!("{}/api/{path}", self.base));
        // What is gone already, or with the broker, need not be deleted.
        let _ = request.basic_auth(&self.user, Some(&self.password)).send().await;
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Response {
        let url = format!("{}/api/{path}", self.base);
        let mut request = self.client.request(method.clone(), &url);
        request = request.basic_auth(&self.user, Some(&self.password));
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.expect("the management API answers");
        let status = answer.status();
        if !status.is_success() {
            let text = answer.text().await.unwrap_or_default();
            panic!("{method} {path}: {status} {text}");
        }
        answer
    }
}

/// A name as a path segment: connections are named `127.0.0.1:1 -> 127.0.0.1:2`.
pub(super) fn escape(name: &str) -> String {
    name.bytes().fold(String::new(), |mut escaped, byte| {
        use std::fmt::Write;
        if byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-' {
            escaped.push(byte as char);
        } else {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}
