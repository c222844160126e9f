//! What all requests share.

use std::time::Duration;

use common_messages::{token::KeySet, user::GetPublicKeys};
use mesh::{CallError, Failure, FailureKind, Mesh, topology};

use crate::{
    config::GatewayConfig, connections::Connections, login_attempts::LoginAttempts,
    metrics::Metrics, rate_limit::RateLimit, tokens::Tokens,
};

/// How often the keys of tokens are asked for.
const KEYS_EVERY: Duration = Duration::from_secs(60);
/// How soon again if they cannot be had.
const KEYS_AGAIN: Duration = Duration::from_secs(1);
/// How long user-svc has to give them out.
const KEYS_WITHIN: Duration = Duration::from_secs(1);

/// The gateway, as its handlers see it.
#[derive(Debug)]
pub struct State {
    /// The services.
    pub mesh: Mesh,
    /// The limits.
    pub config: GatewayConfig,
    /// Who asks.
    pub tokens: Tokens,
    /// Requests of users, by user id.
    pub users: RateLimit,
    /// Requests without a good token, by address.
    pub strangers: RateLimit,
    /// Log-ins, by address.
    pub logins: RateLimit,
    /// Failed log-ins, by account.
    pub login_attempts: LoginAttempts,
    /// Open connections, by address.
    pub connections: Connections,
    /// What is counted.
    pub metrics: Metrics,
}

impl State {
    /// A gateway that has served nobody yet.
    pub fn new(mesh: Mesh, config: GatewayConfig, metrics: Metrics) -> Self {
        Self {
            tokens: Tokens::new(config.token_cache),
            users: RateLimit::new(config.rate_user),
            strangers: RateLimit::new(config.rate_anon),
            logins: RateLimit::new(config.rate_login),
            login_attempts: LoginAttempts::new(config.rate_login_failures),
            connections: Connections::new(config.max_connections_per_address),
            mesh,
            config,
            metrics,
        }
    }

    /// Keeps the public keys of tokens at hand, so that no request has to wait for them, and
    /// tokens can be checked while user-svc is away. Runs until it is dropped.
    pub async fn keep_keys(&self) {
        self.mesh.connected().await;
        loop {
            let wait = match self.fetch_keys().await {
                Ok(keys) => {
                    self.tokens.keep(keys);
                    KEYS_EVERY
                }
                Err(_) => KEYS_AGAIN,
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// The public keys of tokens, from user-svc. Several requests may wait for the one that asks,
    /// so it asks for a short time only, whatever its own deadline.
    ///
    /// # Errors
    /// If it cannot be asked.
    pub async fn fetch_keys(&self) -> Result<KeySet, Failure> {
        self.mesh.call(GetPublicKeys {}).within(KEYS_WITHIN).await.map_err(|error| match error {
            CallError::Failed(failure) => failure,
            // It knows no reason to.
            no => {
                let service = topology::service_of(<GetPublicKeys as mesh::Request>::ROUTE);
                Failure::new(FailureKind::Broken, service, no.to_string())
            }
        })
    }
}
