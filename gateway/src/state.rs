//! What all requests share.

use common_messages::{token::KeySet, user::GetPublicKeys};
use mesh::{CallError, Deadline, Failure, FailureKind, Mesh, topology};

use crate::{
    config::GatewayConfig, connections::Connections, login_attempts::LoginAttempts,
    metrics::Metrics, rate_limit::RateLimit, tokens::Tokens,
};

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

    /// The public keys of tokens, from user-svc.
    ///
    /// # Errors
    /// If it cannot be asked.
    pub async fn fetch_keys(&self, deadline: Deadline) -> Result<KeySet, Failure> {
        self.mesh.call(GetPublicKeys {}).until(deadline).await.map_err(|error| match error {
            CallError::Failed(failure) => failure,
            // It knows no reason to.
            no => {
                let service = topology::service_of(<GetPublicKeys as mesh::Request>::ROUTE);
                Failure::new(FailureKind::Broken, service, no.to_string())
            }
        })
    }
}
