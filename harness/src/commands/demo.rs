//! `./dev demo`: a walk through a running system.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::checkout::Checkout;
use harness::secrets;
use harness::stack::SERVICES;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::commands::health;
use crate::progress::Progress;
use crate::settings::Settings;

const TIMEOUT: Duration = Duration::from_secs(10);

/// Somebody who uses the system over HTTP.
struct Walk<'a> {
    http: Client,
    url: String,
    progress: &'a Progress,
}

/// What came back.
struct Answer {
    status: StatusCode,
    location: bool,
    body: Value,
}

/// Walks, and fails at the first thing that is not as it should be.
pub async fn run(checkout: &Checkout, progress: &Progress) -> Result<ExitCode> {
    let url = Settings::read(checkout)?.gateway_url();
    let http = Client::builder().timeout(TIMEOUT).build()?;
    let walk = Walk { http, url, progress };
    let running = walk.health().await;
    running.with_context(|| format!("nothing to walk through at {}: ./dev up", walk.url))?;
    walk.account().await?;
    progress.say("\nAll as it should be.");
    Ok(ExitCode::SUCCESS)
}

impl Walk<'_> {
    async fn health(&self) -> Result<()> {
        let health = health::health(&self.http, &self.url).await?;
        self.saw(&format!("the system says of itself: {}", health["status"]));
        for service in SERVICES.iter().filter(|service| !service.listens) {
            let instances = health::instances(&health, service.name);
            ensure!(instances > 0, "no instance of {} is known", service.name);
            self.saw(&format!("{} announced itself, instances: {instances}", service.name));
        }
        Ok(())
    }

    /// Registers, logs in, and reads the profile.
    async fn account(&self) -> Result<()> {
        let email = format!("walker-{}@example.com", secrets::random_hex::<4>()?);
        let person = json!({ "email": email, "password": "a long walk", "name": "Walker" });

        let registered = self.post("/api/users/register", &person).await?;
        registered.is(StatusCode::CREATED)?;
        ensure!(registered.location, "the answer to a registration has no Location");
        self.saw(&format!("{email} registered, user {}", registered.body["id"]));

        self.post("/api/users/register", &person).await?.refused(StatusCode::CONFLICT)?;
        self.saw("the same address again was refused: 409");

        let wrong = json!({ "email": email, "password": "a wrong turn" });
        self.post("/api/users/login", &wrong).await?.refused(StatusCode::UNAUTHORIZED)?;
        self.saw("a wrong password was refused: 401");

        let login = self.post("/api/users/login", &person).await?;
        login.is(StatusCode::OK)?;
        let token = login.body["accessToken"].as_str().context("a login without accessToken")?;
        self.saw(&format!("logged in, token valid for {} s", login.body["expiresIn"]));

        let verified = self.post("/api/users/verify", &json!({ "token": token })).await?;
        ensure!(verified.body["valid"] == true, "user-svc does not know its token: {verified:?}");
        self.saw("user-svc recognises the token");

        let keys = self.send(self.request(Method::GET, "/.well-known/jwks.json")).await?;
        let count = keys.body["keys"].as_array().map_or(0, Vec::len);
        ensure!(count > 0, "no public keys: {keys:?}");
        self.saw(&format!("anybody can verify it, public keys: {count}"));

        let profile = self.request(Method::GET, "/api/users/profile");
        let profile = self.send(profile.bearer_auth(token)).await?;
        profile.is(StatusCode::OK)?;
        ensure!(profile.body["email"] == email.as_str(), "another's profile: {profile:?}");
        self.saw(&format!("read the profile of {}", profile.body["name"]));

        let stranger = self.send(self.request(Method::GET, "/api/users/profile")).await?;
        stranger.refused(StatusCode::UNAUTHORIZED)?;
        self.saw("without a token it was refused: 401");
        Ok(())
    }

    fn saw(&self, what: &str) {
        self.progress.say(&format!("{} {what}", console::style("✓").green()));
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    async fn send(&self, request: RequestBuilder) -> Result<Answer> {
        let answer = request.send().await.context("ask the gateway")?;
        Ok(Answer {
            status: answer.status(),
            location: answer.headers().contains_key("location"),
            body: answer.json().await.context("read what the gateway answered")?,
        })
    }
}

impl Answer {
    fn is(&self, status: StatusCode) -> Result<()> {
        ensure!(self.status == status, "expected {status}, but saw {self:?}");
        Ok(())
    }

    /// A refusal has a code that programs can rely on.
    fn refused(&self, status: StatusCode) -> Result<()> {
        self.is(status)?;
        ensure!(self.body["code"].is_string(), "a refusal without a code: {self:?}");
        Ok(())
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = match self.body.get("accessToken") {
            Some(_) => "(a token)".to_owned(),
            None => self.body.to_string(),
        };
        write!(f, "{} {shown}", self.status)
    }
}
