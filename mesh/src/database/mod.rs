//! A service's own database: SQLite without any preparation, PostgreSQL by URL.
//!
//! Readers and writers are told apart: [`read`](Database::read) for queries that change nothing,
//! [`write`](Database::write) for one statement that does, [`begin`](Database::begin) for several.
//! On SQLite there is one connection that writes and a few that read beside it (WAL); on
//! PostgreSQL both are the same pool.
//!
//! A database belongs to the service that came first: another one is refused at its start.

mod config;
mod exclusive;
mod owner;
mod pools;
#[cfg(feature = "testing")]
pub mod testing;
mod transaction;
mod turns;

use std::{fmt, path::PathBuf};

use sea_orm::{DatabaseConnection, DbBackend, DbErr, TransactionTrait};

use self::{config::Target, pools::Pools, turns::Turns};
pub use self::{
    config::{DatabaseConfig, DatabaseUrl},
    exclusive::Exclusive,
    transaction::Transaction,
};

/// The connections of one service to its database. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    service: &'static str,
    target: Target,
    pools: Pools,
    /// Of the writers on SQLite.
    turns: Option<Turns>,
}

/// Why a database cannot be used. Never contains a password.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The address cannot be understood.
    #[error(
        "DATABASE_URL: {reason} in `{url}`; allowed are sqlite://path and \
         postgres://user:password@host:port/name"
    )]
    Url {
        /// The address without password.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file or folder beside an SQLite database cannot be made.
    #[error("cannot open {}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The database cannot be reached.
    #[error("cannot connect to the database {url}: {source}")]
    Connect {
        /// The address without password.
        url: String,
        /// Why.
        source: DbErr,
    },
    /// It is another service's.
    #[error(
        "the database {url} belongs to {owner}, and {service} needs one of its own: \
         `{{service}}` in DATABASE_URL is replaced by the service's name"
    )]
    Owned {
        /// The address without password.
        url: String,
        /// Whose it is.
        owner: String,
        /// Who wanted it.
        service: &'static str,
    },
    /// Others have been preparing it for too long.
    #[error(
        "the database {url} is locked by an instance that has been preparing it for {seconds} s"
    )]
    Locked {
        /// The address without password.
        url: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// A statement failed.
    #[error(transparent)]
    Statement(#[from] DbErr),
}

impl Database {
    /// Opens the database of `service`, and makes it if it is a file that is not there.
    ///
    /// # Errors
    /// See [`DatabaseError`]; among them that the database is another service's.
    pub async fn connect(
        config: &DatabaseConfig,
        service: &'static str,
    ) -> Result<Self, DatabaseError> {
        let target = config.url.target(service)?;
        // Under the lock: of instances that start together, one makes the file and its settings.
        let lock = target.lock(service).await?;
        let pools = Pools::open(&target, config, service).await?;
        let is_file = pools.write.get_database_backend() == DbBackend::Sqlite;
        let turns = is_file.then(|| Turns::on(pools.write.clone()));
        let database = Self { service, target, pools, turns };
        let exclusive = Exclusive::new(lock, &database);
        owner::claim(&exclusive, &database).await?;
        exclusive.release().await;
        Ok(database)
    }

    /// Whose it is.
    pub fn service(&self) -> &'static str {
        self.service
    }

    /// For queries that change nothing. On SQLite a statement that writes fails here.
    pub fn read(&self) -> &DatabaseConnection {
        &self.pools.read
    }

    /// For single statements that change something.
    pub fn write(&self) -> &DatabaseConnection {
        &self.pools.write
    }

    /// Begins a transaction that writes: several statements, of which all happen or none. On
    /// SQLite writers take turns and share commits; nothing but the transaction's own statements
    /// may be waited for within it.
    ///
    /// # Errors
    /// No connection was free in time, or the database is gone.
    pub async fn begin(&self) -> Result<Transaction, DbErr> {
        match &self.turns {
            Some(turns) => {
                let (turn, savepoint) = turns.take().await?;
                Ok(Transaction::new(savepoint, Some(turn)))
            }
            None => Ok(Transaction::new(self.pools.write.begin().await?, None)),
        }
    }

    /// Waits until nobody else prepares this database, and keeps others from it: for migrations.
    /// It does not hinder those who read and write.
    ///
    /// # Errors
    /// [`DatabaseError::Locked`] after a minute.
    pub async fn exclusive(&self) -> Result<Exclusive<'_>, DatabaseError> {
        Ok(Exclusive::new(self.target.lock(self.service).await?, self))
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.target.to_string();
        f.debug_struct("Database").field("service", &self.service).field("url", &url).finish()
    }
}
