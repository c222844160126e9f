//! Where a service's database is. Each field names its variable.

use std::{fmt, path::PathBuf, str::FromStr};

use clap::Args;
use sea_orm::sqlx::{postgres::PgConnectOptions, sqlite::SqliteConnectOptions};

use super::DatabaseError;

/// A service's database, and the limits of its connections.
#[derive(Debug, Clone, Args)]
pub struct DatabaseConfig {
    /// The database: sqlite://path, or postgres://user:password@host:port/name. `{service}` in it
    /// is replaced by the service's name; the folder of an SQLite file is made
    #[arg(
        long = "database-url",
        value_name = "DATABASE_URL",
        env = "DATABASE_URL",
        default_value = "sqlite://data/{service}.db?mode=rwc",
        hide_env_values = true
    )]
    pub url: DatabaseUrl,
    /// Connections to PostgreSQL that an instance opens at most
    #[arg(
        long = "database-connections",
        value_name = "DATABASE_CONNECTIONS",
        env = "DATABASE_CONNECTIONS",
        default_value_t = 10,
        value_parser = clap::value_parser!(u32).range(1..=1000)
    )]
    pub connections: u32,
    /// Seconds after which PostgreSQL gives a statement up
    #[arg(
        long = "database-statement-seconds",
        value_name = "DATABASE_STATEMENT_SECONDS",
        env = "DATABASE_STATEMENT_SECONDS",
        default_value_t = 10,
        value_parser = clap::value_parser!(u64).range(1..=600)
    )]
    pub statement_seconds: u64,
}

impl DatabaseConfig {
    /// The defaults, with the database at `url`.
    pub fn at(url: impl Into<String>) -> Self {
        Self { url: DatabaseUrl(url.into()), connections: 10, statement_seconds: 10 }
    }
}

/// The address of a database. It may hold a password, so it prints without one, and is
/// understood only where it is used: an argument parser would quote a wrong one in full.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl FromStr for DatabaseUrl {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_password(&self.0))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

impl DatabaseUrl {
    /// As it was given, with its password.
    #[cfg(feature = "testing")]
    pub(super) fn expose(&self) -> &str {
        &self.0
    }

    /// What it names for `service`.
    pub(super) fn target(&self, service: &str) -> Result<Target, DatabaseError> {
        let url = self.0.replace("{service}", service);
        let shown = without_password(&url);
        let kind = match url.split_once(':') {
            Some(("sqlite", _)) if in_memory(&url) => Err("a database in memory".to_owned()),
            Some(("sqlite", _)) => sqlite(&url),
            Some(("postgres" | "postgresql", _)) => postgres(&url),
            _ => Err("an unknown kind of database".to_owned()),
        };
        let kind = kind.map_err(|reason| DatabaseError::Url { url: shown.clone(), reason })?;
        Ok(Target { kind, shown })
    }
}

/// A database that can be connected to.
#[derive(Clone)]
pub(super) struct Target {
    pub kind: Kind,
    shown: String,
}

#[derive(Clone)]
pub(super) enum Kind {
    Sqlite { file: PathBuf, options: Box<SqliteConnectOptions> },
    Postgres(Box<PgConnectOptions>),
}

/// The address without password.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// Every connection would have its own.
fn in_memory(url: &str) -> bool {
    url.contains(":memory:") || url.contains("mode=memory")
}

fn sqlite(url: &str) -> Result<Kind, String> {
    let options: SqliteConnectOptions = url.parse().map_err(reason)?;
    let file = options.get_filename().to_owned();
    if file.as_os_str().is_empty() {
        return Err("no file".to_owned());
    }
    Ok(Kind::Sqlite { file, options: Box::new(options) })
}

fn postgres(url: &str) -> Result<Kind, String> {
    let options: PgConnectOptions = url.parse().map_err(reason)?;
    if options.get_database().is_none() {
        return Err("no name of a database".to_owned());
    }
    Ok(Kind::Postgres(Box::new(options)))
}

fn reason(error: sea_orm::sqlx::Error) -> String {
    match error {
        sea_orm::sqlx::Error::Configuration(reason) => reason.to_string(),
        other => other.to_string(),
    }
}

/// The address as it may be printed: no password, no parameters, which could hold one.
fn without_password(url: &str) -> String {
    let bare = url.split('?').next().unwrap_or(url);
    let Some((scheme, rest)) = bare.split_once("://") else { return bare.to_owned() };
    match rest.rsplit_once('@') {
        Some((user, host)) => {
            let name = user.split(':').next().unwrap_or_default();
            format!("{scheme}://{name}@{host}")
        }
        None => bare.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> String {
        let target = DatabaseUrl(url.to_owned()).target("lamp-svc");
        target.map(|target| target.to_string()).unwrap_err().to_string()
    }

    #[test]
    fn each_service_gets_its_own_file() {
        let url = DatabaseUrl("sqlite://data/{service}.db?mode=rwc".to_owned());
        let Kind::Sqlite { file, .. } = url.target("lamp-svc").unwrap().kind else { panic!() };
        assert_eq!(file, PathBuf::from("data/lamp-svc.db"));
    }

    #[test]
    fn each_service_gets_its_own_database_on_a_server() {
        let url = DatabaseUrl("postgresql://warren:pw@db:5433/{service}".to_owned());
        let Kind::Postgres(options) = url.target("lamp-svc").unwrap().kind else { panic!() };
        assert_eq!(options.get_database(), Some("lamp-svc"));
        assert_eq!(options.get_port(), 5433);
    }

    #[test]
    fn a_wrong_address_is_told_with_what_is_allowed_and_without_its_password() {
        for (url, why) in [
            ("mysql://anna:s3cret@db/x", "unknown kind"),
            ("nonsense", "unknown kind"),
            ("sqlite::memory:", "in memory"),
            ("sqlite://x.db?mode=memory", "in memory"),
            ("sqlite://", "no file"),
            ("sqlite://x.db?mode=wild", "wild"),
            ("postgres://anna:s3cret@db:port/x", "port"),
            ("postgres://anna:s3cret@db?sslmode=wild&password=s3cret", "wild"),
        ] {
            let told = refusal(url);
            assert!(told.contains(why) && told.contains("postgres://user:password"), "{told}");
            assert!(told.starts_with("DATABASE_URL") && !told.contains("s3cret"), "{told}");
        }
    }

    #[test]
    fn a_password_is_not_printed() {
        let config = DatabaseConfig::at("postgres://anna:s3c@ret@db/x?password=s3cret");
        assert_eq!(config.url.to_string(), "postgres://anna@db/x");
        assert!(!format!("{config:?}").contains("s3c"), "{config:?}");
    }
}
