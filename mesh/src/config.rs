//! How a process finds its broker, and the limits it keeps. Each field names its variable.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, error::ErrorKind};
use lapin::uri::{AMQPScheme, AMQPUri};
use secrecy::{ExposeSecret, SecretString};

/// The broker, and the limits of one member of the mesh.
#[derive(Debug, Clone, Args)]
pub struct MeshConfig {
    /// The broker, without credentials: amqp://host:port/vhost or amqps://…
    #[arg(
        long = "amqp-url",
        value_name = "AMQP_URL",
        env = "AMQP_URL",
        default_value = "amqp://127.0.0.1:5672",
        value_parser = parse_amqp_url
    )]
    pub amqp_url: AmqpUrl,
    /// The password of the broker user that bears the service's name. If it is not given it is
    /// read from the file SECRETS_DIR/{service}
    #[arg(
        long = "amqp-password",
        value_name = "AMQP_PASSWORD",
        env = "AMQP_PASSWORD",
        hide_env_values = true
    )]
    pub amqp_password: Option<SecretString>,
    /// The folder of password files, one for each broker user
    #[arg(
        long = "secrets-dir",
        value_name = "SECRETS_DIR",
        env = "SECRETS_DIR",
        default_value = ".run/secrets"
    )]
    pub secrets_dir: PathBuf,
    /// Requests that an instance takes from its queue before it has answered them
    #[arg(
        long = "mesh-prefetch",
        value_name = "MESH_PREFETCH",
        env = "MESH_PREFETCH",
        default_value_t = 64,
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    pub prefetch: u16,
    /// Calls to one service that may be under way at once; the next one is Busy
    #[arg(
        long = "mesh-bulkhead",
        value_name = "MESH_BULKHEAD",
        env = "MESH_BULKHEAD",
        default_value_t = 1024,
        value_parser = clap::value_parser!(u32).range(1..=100_000)
    )]
    pub bulkhead: u32,
    /// Tries of one call, the first included
    #[arg(
        long = "mesh-tries",
        value_name = "MESH_TRIES",
        env = "MESH_TRIES",
        default_value_t = 3,
        value_parser = clap::value_parser!(u32).range(1..=10)
    )]
    pub tries: u32,
    /// Failures of one service within 10 s after which it is not asked for 1 s
    #[arg(
        long = "mesh-breaker-failures",
        value_name = "MESH_BREAKER_FAILURES",
        env = "MESH_BREAKER_FAILURES",
        default_value_t = 10,
        value_parser = clap::value_parser!(u32).range(1..=10_000)
    )]
    pub breaker_failures: u32,
    /// Seconds that a stopping process gives to what it has begun
    #[arg(
        long = "grace-seconds",
        value_name = "GRACE_SECONDS",
        env = "GRACE_SECONDS",
        default_value = "10",
        value_parser = parse_seconds
    )]
    pub grace: Duration,
}

/// A broker's address without credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AmqpUrl(AMQPUri);

impl MeshConfig {
    /// The defaults, with the broker at `url` and this password.
    ///
    /// # Errors
    /// A sentence that says what is wrong with `url`.
    pub fn at(url: &str, password: impl Into<SecretString>) -> Result<Self, String> {
        Ok(Self {
            amqp_url: parse_amqp_url(url)?,
            amqp_password: Some(password.into()),
            secrets_dir: PathBuf::new(),
            prefetch: 64,
            bulkhead: 1024,
            tries: 3,
            breaker_failures: 10,
            grace: Duration::from_secs(10),
        })
    }

    /// The address with `user`'s credentials in it, ready to connect.
    pub(crate) fn uri_for(&self, user: &str) -> Result<AMQPUri, ConfigError> {
        let mut uri = self.amqp_url.0.clone();
        user.clone_into(&mut uri.authority.userinfo.username);
        uri.authority.userinfo.password = self.password_of(user)?;
        // Half-open connections are noticed after two missed beats.
        uri.query.heartbeat = Some(10);
        Ok(uri)
    }

    fn password_of(&self, user: &str) -> Result<String, ConfigError> {
        if let Some(password) = &self.amqp_password {
            return Ok(password.expose_secret().to_owned());
        }
        let file = self.secrets_dir.join(user);
        let read = std::fs::read_to_string(&file);
        let password = read.map_err(|source| ConfigError::NoPassword { file, source })?;
        Ok(password.trim_end().to_owned())
    }
}

/// What is wrong with the configuration, in one line.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is no password for the broker.
    #[error("AMQP_PASSWORD is not set, and {} cannot be read: {source}", file.display())]
    NoPassword {
        /// Where it was looked for.
        file: PathBuf,
        /// Why it was not found.
        source: std::io::Error,
    },
}

/// Reads a program's configuration from its arguments, the environment, and a `.env` if there
/// is one. On a wrong value it says in one line which variable, which value, and what is
/// allowed, and ends the process with code 2; `--help` and `--version` are answered.
pub fn load<C: Parser>() -> C {
    // A missing .env is the normal case.
    let _ = dotenvy::dotenv();
    match C::try_parse() {
        Ok(config) => config,
        Err(error)
            if !matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue) =>
        {
            error.exit()
        }
        Err(error) => {
            let text = error.render().to_string();
            let line = text.lines().next().unwrap_or("error: wrong configuration");
            say(line);
            std::process::exit(2)
        }
    }
}

#[expect(clippy::print_stderr, reason = "telemetry is not up yet, and this is for a person")]
fn say(line: &str) {
    eprintln!("{line}");
}

fn parse_amqp_url(text: &str) -> Result<AmqpUrl, String> {
    let uri: AMQPUri = text.parse().map_err(|e| format!("not an amqp:// or amqps:// URL ({e})"))?;
    let port = match uri.scheme {
        AMQPScheme::AMQP => 5672,
        AMQPScheme::AMQPS => 5671,
    };
    let host_ok = !uri.authority.host.is_empty() && (uri.authority.port != 0 || port != 0);
    if !host_ok {
        return Err("the URL names no host".to_owned());
    }
    let bare = text.split_once("://").map_or(text, |(_, rest)| rest);
    if bare.split('/').next().is_some_and(|authority| authority.contains('@')) {
        return Err("the URL must not carry credentials: the user is the service's name, \
                    its password stands in AMQP_PASSWORD or SECRETS_DIR"
            .to_owned());
    }
    Ok(AmqpUrl(uri))
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<u64>() {
        Ok(seconds @ 0..=3600) => Ok(Duration::from_secs(seconds)),
        _ => Err("a number of seconds from 0 to 3600".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_with_credentials_is_refused_with_the_way_out() {
        let error = parse_amqp_url("amqp://anna:secret@localhost").unwrap_err();
        assert!(error.contains("AMQP_PASSWORD"), "{error}");
        assert!(!error.contains("secret@"), "{error}");
    }

    #[test]
    fn the_vhost_is_taken_from_the_path() {
        let config = MeshConfig::at("amqp://127.0.0.1:5673/test-1", "pw").unwrap();
        let uri = config.uri_for("user-svc").unwrap();
        assert_eq!((uri.vhost.as_str(), uri.authority.port), ("test-1", 5673));
        assert_eq!(uri.authority.userinfo.username, "user-svc");
    }

    #[test]
    fn a_missing_password_says_where_it_was_looked_for() {
        let mut config = MeshConfig::at("amqp://localhost", "").unwrap();
        config.amqp_password = None;
        config.secrets_dir = PathBuf::from("no-such-folder");
        let error = config.uri_for("user-svc").unwrap_err().to_string();
        assert!(error.contains("AMQP_PASSWORD") && error.contains("no-such-folder"), "{error}");
    }
}
