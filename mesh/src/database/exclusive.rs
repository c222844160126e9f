//! One at a time: instances that start together must not prepare one database together.

use std::{
    fs::{File, OpenOptions, TryLockError},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr};
use tokio::time::{Instant, sleep};

use super::{
    Database, DatabaseError,
    config::{Kind, Target},
    pools,
};

/// How long to wait for others, and how long one statement of a migration may take.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);
/// An arbitrary number; PostgreSQL keeps locks apart by database.
const KEY: i64 = 0x006d_6573_685f_6462;

/// The right to prepare the database, which nobody else has until it is released or dropped.
#[derive(Debug)]
pub struct Exclusive<'a> {
    lock: Lock,
    database: &'a Database,
}

/// Gone with the process that holds it, however that ends.
#[derive(Debug)]
pub(super) enum Lock {
    /// Of a file beside the SQLite database.
    File(#[expect(dead_code, reason = "it is held, not read")] File),
    /// Of a session at PostgreSQL.
    Session(DatabaseConnection),
}

impl<'a> Exclusive<'a> {
    pub(super) fn new(lock: Lock, database: &'a Database) -> Self {
        Self { lock, database }
    }

    /// The connection to prepare the database by. On PostgreSQL it is the one that holds the
    /// lock, and a statement may take a minute.
    pub fn connection(&self) -> &DatabaseConnection {
        match &self.lock {
            Lock::File(_) => self.database.write(),
            Lock::Session(connection) => connection,
        }
    }

    /// Lets the next one prepare it.
    pub async fn release(self) {
        if let Lock::Session(connection) = self.lock {
            // The lock ends with the session; how the goodbye went does not matter.
            let _ = connection.close().await;
        }
    }
}

impl Target {
    /// Waits for the lock of this database.
    pub(super) async fn lock(&self, service: &str) -> Result<Lock, DatabaseError> {
        match &self.kind {
            Kind::Sqlite { file, .. } => lock_file(self, file).await.map(Lock::File),
            Kind::Postgres(options) => {
                let session = pools::session(self, options, service, PATIENCE).await?;
                let lock = format!("SELECT pg_advisory_lock({KEY})");
                session.execute_unprepared(&lock).await.map_err(|error| self.late(error))?;
                Ok(Lock::Session(session))
            }
        }
    }

    fn locked(&self) -> DatabaseError {
        DatabaseError::Locked { url: self.to_string(), seconds: PATIENCE.as_secs() }
    }

    /// The server has given the statement up, because of its timeout.
    fn late(&self, error: DbErr) -> DatabaseError {
        const QUERY_CANCELED: &str = "57014";
        let code = match &error {
            DbErr::Exec(sea_orm::RuntimeErr::SqlxError(error)) => {
                error.as_database_error().and_then(|error| error.code())
            }
            _ => None,
        };
        if code.as_deref() == Some(QUERY_CANCELED) { self.locked() } else { error.into() }
    }
}

async fn lock_file(target: &Target, database: &Path) -> Result<File, DatabaseError> {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let failed = |source| DatabaseError::File { path: path.clone(), source };
    pools::make_folder(&path).map_err(failed)?;
    let mut options = OpenOptions::new();
    let file = options.create(true).append(true).mode(0o600).open(&path).map_err(failed)?;
    let patience = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
            Err(TryLockError::WouldBlock) if Instant::now() >= patience => {
                return Err(target.locked());
            }
            Err(TryLockError::WouldBlock) => sleep(POLL).await,
        }
    }
}
