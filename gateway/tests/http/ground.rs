//! A gateway in this process, a client of it, and what the client got.

use std::{net::SocketAddr, time::Duration};

use common_messages::services;
use gateway::{GatewayConfig, Server};
use mesh::{Mesh, MeshConfig};
use reqwest::{Method, RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::Value;
use tokio::sync::oneshot;

/// A gateway that serves until it is dropped or stopped.
pub struct Gateway {
    pub addr: SocketAddr,
    pub metrics_addr: Option<SocketAddr>,
    http: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    stopped: tokio::task::JoinHandle<anyhow::Result<()>>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// JSON, or a string if it is something else.
    pub body: Value,
}

/// A member of a mesh whose broker is not there.
pub fn alone() -> Mesh {
    let config = MeshConfig::at("amqp://127.0.0.1:1", "none").unwrap();
    Mesh::start(&services::all().unwrap(), "gateway", config).unwrap()
}

impl Gateway {
    /// Without a broker.
    pub fn alone() -> Self {
        Self::start(alone(), GatewayConfig::default())
    }

    pub fn start(mesh: Mesh, config: GatewayConfig) -> Self {
        let server = Server::start(mesh, config, Duration::from_secs(5)).unwrap();
        let (addr, metrics_addr) = (server.addr(), server.metrics_addr());
        let (stop, told) = oneshot::channel();
        let stopped = tokio::spawn(server.run_until(async {
            // Dropped or told: both mean stop.
            let _ = told.await;
        }));
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20));
        let http = http.redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { addr, metrics_addr, http, stop: Some(stop), stopped }
    }

    pub async fn stop(mut self) {
        drop(self.stop.take());
        self.stopped.await.unwrap().unwrap();
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.addr))
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    /// POSTs `body` as JSON, whatever it is.
    pub async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.request(Method::POST, path).header("Content-Type", "application/json");
        send(request.body(body)).await
    }
}

pub async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer { status, headers, body }
}

impl Answer {
    /// A header's value; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Panics unless this is a problem document with this status and code.
    #[track_caller]
    pub fn is_problem(&self, status: u16, code: &str) -> &Self {
        assert_eq!((self.status.as_u16(), &self.body["code"]), (status, &code.into()), "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(
            (&self.body["type"], &self.body["status"]),
            (&"about:blank".into(), &status.into())
        );
        assert_eq!(self.body["requestId"], self.header("x-request-id"));
        assert!(self.body["title"].is_string() && self.body["detail"].is_string(), "{self:?}");
        self
    }

    /// Panics unless the problem is about this field.
    #[track_caller]
    pub fn names(&self, field: &str) -> &Self {
        assert_eq!(self.body["errors"][0]["field"], field, "{self:?}");
        self
    }
}
