//! An HTTP client, logged in or not, and what it got.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};

/// Speaks HTTP to one gateway.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    /// The access token, once logged in.
    pub token: Option<String>,
    /// The id of the user, once registered.
    pub id: String,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body: JSON, or a string if it is something else.
    pub body: Value,
    /// How long it took.
    pub took: Duration,
}

impl Client {
    /// A client of the gateway at `base`, logged in as nobody.
    pub fn new(base: &str) -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(40)).build();
        let http = http.expect("an HTTP client");
        Self { http, base: base.to_owned(), token: None, id: String::new() }
    }

    /// Registers `name@example.com` and logs in.
    pub async fn register(&self, name: &str) -> Self {
        let email = format!("{name}@example.com");
        let account = json!({ "email": email, "password": "correct horse", "name": name });
        let registered = self.post("/api/users/register", &account).await;
        assert_eq!(registered.status, 201, "{registered:?}");
        let login = self.login(&email, "correct horse").await;
        let id = registered.body["id"].as_str().unwrap_or_default().to_owned();
        Self { id, ..login }
    }

    /// Logs in.
    pub async fn login(&self, email: &str, password: &str) -> Self {
        let answer =
            self.post("/api/users/login", &json!({ "email": email, "password": password })).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let token = answer.body["accessToken"].as_str().map(str::to_owned);
        let id = answer.body["user"]["id"].as_str().unwrap_or_default().to_owned();
        Self { token, id, ..self.clone() }
    }

    /// The same client with another token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same client at the gateway of `other`.
    pub fn at(&self, other: &Self) -> Self {
        Self { base: other.base.clone(), ..self.clone() }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// PUT with a JSON body.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    /// A request to be dressed and sent.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends it. Panics if there is no answer at all.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        self.try_send(request).await.expect("an answer from the gateway")
    }

    /// Sends it; an error if the gateway is not there.
    ///
    /// # Errors
    /// What kept the request from being answered.
    pub async fn try_send(&self, request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
        let asked = Instant::now();
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Answer { status, headers, body, took: asked.elapsed() })
    }
}

impl Answer {
    /// Panics unless this is a problem document with this status and code.
    #[track_caller]
    pub fn is_problem(&self, status: u16, code: &str) -> &Self {
        let (found, found_code) = (self.status.as_u16(), &self.body["code"]);
        assert_eq!((found, found_code.as_str()), (status, Some(code)), "{self:?}");
        let kind = self.headers.get("content-type").and_then(|kind| kind.to_str().ok());
        assert_eq!(kind, Some("application/problem+json"), "{self:?}");
        assert_eq!(self.body["status"], status, "{self:?}");
        assert!(self.body["requestId"].is_string(), "{self:?}");
        self
    }

    /// Panics unless the problem names this field.
    #[track_caller]
    pub fn names(&self, field: &str) -> &Self {
        let errors = self.body["errors"].as_array().cloned().unwrap_or_default();
        assert!(
            errors.iter().any(|error| error["field"] == field),
            "{field} is not named: {self:?}"
        );
        self
    }
}
