//! Where the gateway listens, and the limits it keeps. Each field names its variable.

use std::{net::SocketAddr, str::FromStr, time::Duration};

use clap::Args;
use ipnet::IpNet;

/// The gateway's own settings.
#[derive(Debug, Clone, Args)]
pub struct GatewayConfig {
    /// Where HTTP is spoken: address and port
    #[arg(
        long = "gateway-addr",
        value_name = "GATEWAY_ADDR",
        env = "GATEWAY_ADDR",
        default_value = "127.0.0.1:8080"
    )]
    pub addr: SocketAddr,
    /// Where /metrics is served besides, to everybody who can reach it; not set: nowhere
    #[arg(long = "metrics-addr", value_name = "METRICS_ADDR", env = "METRICS_ADDR")]
    pub metrics_addr: Option<SocketAddr>,
    /// Requests a minute for one user; so many may also come at once
    #[arg(
        long = "rate-user",
        value_name = "RATE_USER",
        env = "RATE_USER",
        default_value_t = 100,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000_000)
    )]
    pub rate_user: u32,
    /// Requests a minute without a good token from one address (IPv6: one /64)
    #[arg(
        long = "rate-anon",
        value_name = "RATE_ANON",
        env = "RATE_ANON",
        default_value_t = 60,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000_000)
    )]
    pub rate_anon: u32,
    /// Log-ins a minute from one address, failed or not
    #[arg(
        long = "rate-login",
        value_name = "RATE_LOGIN",
        env = "RATE_LOGIN",
        default_value_t = 20,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000_000)
    )]
    pub rate_login: u32,
    /// Failed log-ins a minute to one account
    #[arg(
        long = "rate-login-failures",
        value_name = "RATE_LOGIN_FAILURES",
        env = "RATE_LOGIN_FAILURES",
        default_value_t = 5,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000_000)
    )]
    pub rate_login_failures: u32,
    /// Networks of reverse proxies whose X-Forwarded-For and -Proto are believed, comma-separated:
    /// 10.0.0.0/8, ::1/128
    #[arg(
        long = "trusted-proxies",
        value_name = "TRUSTED_PROXIES",
        env = "TRUSTED_PROXIES",
        default_value = ""
    )]
    pub trusted_proxies: List<IpNet>,
    /// Origins of web pages that may use the API besides its own, comma-separated:
    /// `https://app.example.org`
    #[arg(
        long = "cors-origins",
        value_name = "CORS_ORIGINS",
        env = "CORS_ORIGINS",
        default_value = ""
    )]
    pub cors_origins: List<Origin>,
    /// Whether the cookie of browsers' sessions goes over TLS alone. It does anyway where a
    /// trusted proxy says X-Forwarded-Proto: https
    #[arg(
        long = "cookie-secure",
        value_name = "COOKIE_SECURE",
        env = "COOKIE_SECURE",
        default_value_t = false,
        action = clap::ArgAction::Set
    )]
    pub cookie_secure: bool,
    /// Bytes of the longest request body
    #[arg(
        long = "body-limit",
        value_name = "BODY_LIMIT",
        env = "BODY_LIMIT",
        default_value_t = 64 * 1024,
        value_parser = clap::value_parser!(u32).range(1..=8 * 1024 * 1024)
    )]
    pub body_limit: u32,
    /// Milliseconds within which a body must have arrived
    #[arg(
        long = "body-timeout",
        value_name = "BODY_TIMEOUT",
        env = "BODY_TIMEOUT",
        default_value = "10000",
        value_parser = parse_ms
    )]
    pub body_timeout: Duration,
    /// Milliseconds after which a request is answered 504 if it does not say otherwise in
    /// X-Request-Timeout
    #[arg(
        long = "request-timeout",
        value_name = "REQUEST_TIMEOUT",
        env = "REQUEST_TIMEOUT",
        default_value = "5000",
        value_parser = parse_ms
    )]
    pub request_timeout: Duration,
    /// Connections that are open at once; more wait to be accepted
    #[arg(
        long = "max-connections",
        value_name = "MAX_CONNECTIONS",
        env = "MAX_CONNECTIONS",
        default_value_t = 10_000,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    pub max_connections: u32,
    /// Connections that are served at once from one address (IPv6: one /64) that is no trusted
    /// proxy; a request on a further one is answered 429 and the connection closed
    #[arg(
        long = "max-connections-per-address",
        value_name = "MAX_CONNECTIONS_PER_ADDRESS",
        env = "MAX_CONNECTIONS_PER_ADDRESS",
        default_value_t = 1_000,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    pub max_connections_per_address: u32,
    /// Milliseconds that an idle connection is kept for the next request; 0 closes each after
    /// its first
    #[arg(
        long = "keep-alive",
        value_name = "KEEP_ALIVE",
        env = "KEEP_ALIVE",
        default_value = "30000",
        value_parser = parse_ms
    )]
    pub keep_alive: Duration,
    /// Threads that serve HTTP; 0: one for each core
    #[arg(
        long = "http-workers",
        value_name = "HTTP_WORKERS",
        env = "HTTP_WORKERS",
        default_value_t = 0,
        value_parser = clap::value_parser!(u16).range(0..=256)
    )]
    pub workers: u16,
    /// Verified tokens that are remembered until they end
    #[arg(
        long = "token-cache",
        value_name = "TOKEN_CACHE",
        env = "TOKEN_CACHE",
        default_value_t = 10_000,
        value_parser = clap::value_parser!(u32).range(0..=10_000_000)
    )]
    pub token_cache: u32,
}

/// The defaults of the variables, whatever the environment says, and a free port of loopback.
impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            addr: SocketAddr::from(([127, 0, 0, 1], 0)),
            metrics_addr: None,
            rate_user: 100,
            rate_anon: 60,
            rate_login: 20,
            rate_login_failures: 5,
            trusted_proxies: List::default(),
            cors_origins: List::default(),
            cookie_secure: false,
            body_limit: 64 * 1024,
            body_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(5),
            max_connections: 10_000,
            max_connections_per_address: 1_000,
            keep_alive: Duration::from_secs(30),
            workers: 0,
            token_cache: 10_000,
        }
    }
}

/// What one variable lists, separated by commas; an empty one lists nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T>(pub Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: FromStr<Err: std::fmt::Display>> FromStr for List<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        let read = |item: &str| item.parse().map_err(|error| format!("{item:?}: {error}"));
        items.map(read).collect::<Result<_, _>>().map(Self)
    }
}

/// The origin of a web page, as browsers write it: `https://app.example.org`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// As the header `Origin` has it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-:[]".contains(c);
        match host {
            Some(host) if !host.is_empty() && host.chars().all(plain) => Ok(Self(text.to_owned())),
            _ => Err("not an origin: http:// or https://, a host in lower case, perhaps a port"),
        }
    }
}

fn parse_ms(text: &str) -> Result<Duration, &'static str> {
    match text.parse() {
        Ok(ms @ 0..=600_000) => Ok(Duration::from_millis(ms)),
        _ => Err("a number of milliseconds from 0 to 600000"),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        config: GatewayConfig,
    }

    fn read(args: &[&str]) -> Result<GatewayConfig, String> {
        let args = [&["gateway"], args].concat();
        Alone::try_parse_from(args).map(|alone| alone.config).map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_those_of_the_variables() {
        let mut read = read(&[]).unwrap();
        read.addr.set_port(0);
        assert_eq!(format!("{read:?}"), format!("{:?}", GatewayConfig::default()));
    }

    #[test]
    fn lists_may_be_empty_and_have_spaces() {
        let config = read(&["--trusted-proxies", "10.0.0.0/8, ::1/128", "--cors-origins", ""]);
        let config = config.unwrap();
        assert_eq!(config.trusted_proxies.0.len(), 2);
        assert!(config.cors_origins.0.is_empty());
    }

    #[test]
    fn a_wrong_value_is_named() {
        for (variable, value) in [
            ("--trusted-proxies", "10.0.0.0/8,everybody"),
            ("--cors-origins", "app.example.org"),
            ("--cors-origins", "https://app.example.org/path"),
            ("--rate-user", "0"),
            ("--request-timeout", "5s"),
        ] {
            let error = read(&[variable, value]).unwrap_err();
            assert!(error.contains(value.rsplit(',').next().unwrap()), "{error}");
        }
    }
}
