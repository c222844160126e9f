//! What can be set. Each field names its variable.

use clap::{Args, Parser};
use common_messages::Secret;
use mesh::{MeshConfig, database::DatabaseConfig, telemetry::TelemetryConfig};

const BCRYPT_COST: u32 = 12;
const ACCESS_TOKEN_SECONDS: u64 = 600;
const SIGNING_KEY_DAYS: u16 = 30;

/// Accounts, log-in, and the only mint of tokens
#[derive(Debug, Clone, Parser)]
#[command(name = "user-svc", version)]
pub struct Config {
    /// The broker.
    #[command(flatten)]
    pub mesh: MeshConfig,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseConfig,
    /// The service's own.
    #[command(flatten)]
    pub accounts: AccountsConfig,
    /// Logs.
    #[command(flatten)]
    pub telemetry: TelemetryConfig,
}

/// How passwords are kept, how long tokens last, and who is the first administrator.
#[derive(Debug, Clone, Args)]
pub struct AccountsConfig {
    /// The cost of a password's hash; one more takes twice as long
    #[arg(
        long = "bcrypt-cost",
        value_name = "BCRYPT_COST",
        env = "BCRYPT_COST",
        default_value_t = BCRYPT_COST,
        value_parser = clap::value_parser!(u32).range(4..=16)
    )]
    pub bcrypt_cost: u32,
    /// Seconds that an access token lasts
    #[arg(
        long = "access-token-seconds",
        value_name = "ACCESS_TOKEN_SECONDS",
        env = "ACCESS_TOKEN_SECONDS",
        default_value_t = ACCESS_TOKEN_SECONDS,
        value_parser = clap::value_parser!(u64).range(1..=86_400)
    )]
    pub access_token_seconds: u64,
    /// Days after which another key signs access tokens
    #[arg(
        long = "signing-key-days",
        value_name = "SIGNING_KEY_DAYS",
        env = "SIGNING_KEY_DAYS",
        default_value_t = SIGNING_KEY_DAYS,
        value_parser = clap::value_parser!(u16).range(2..=365)
    )]
    pub signing_key_days: u16,
    /// The log-in address of the first administrator, made at start if there is none; goes
    /// with ADMIN_PASSWORD
    #[arg(long = "admin-email", value_name = "ADMIN_EMAIL", env = "ADMIN_EMAIL")]
    pub admin_email: Option<String>,
    /// The first administrator's password
    #[arg(
        long = "admin-password",
        value_name = "ADMIN_PASSWORD",
        env = "ADMIN_PASSWORD",
        hide_env_values = true
    )]
    pub admin_password: Option<Secret>,
}

impl Default for AccountsConfig {
    fn default() -> Self {
        Self {
            bcrypt_cost: BCRYPT_COST,
            access_token_seconds: ACCESS_TOKEN_SECONDS,
            signing_key_days: SIGNING_KEY_DAYS,
            admin_email: None,
            admin_password: None,
        }
    }
}
