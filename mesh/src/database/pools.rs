//! Opening the connections, with the settings that each kind of database needs.

use std::{
    fs::{DirBuilder, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    time::Duration,
};

use sea_orm::{
    DatabaseConnection, DbErr, RuntimeErr,
    sqlx::{
        self, ConnectOptions, Connection,
        postgres::{PgConnectOptions, PgPoolOptions},
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
    },
};

use super::{
    DatabaseConfig, DatabaseError,
    config::{Kind, Target},
};

/// How long a query waits for a free connection to PostgreSQL.
const ACQUIRE: Duration = Duration::from_secs(2);
/// How long a writer waits for its turn on SQLite: in this process, and for other processes.
const TURN: Duration = Duration::from_secs(5);
/// Connections that read an SQLite file beside the one that writes.
const READERS: u32 = 4;
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// A connection that has rested longer is tried before it is used: its server may have gone.
const RESTED: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub(super) struct Pools {
    pub read: DatabaseConnection,
    pub write: DatabaseConnection,
}

impl Pools {
    pub async fn open(
        target: &Target,
        config: &DatabaseConfig,
        service: &str,
    ) -> Result<Self, DatabaseError> {
        let opened = match &target.kind {
            Kind::Sqlite { file, options } => {
                make_file(file)
                    .map_err(|e| DatabaseError::File { path: file.clone(), source: e })?;
                sqlite(options).await
            }
            Kind::Postgres(options) => {
                let statement = Duration::from_secs(config.statement_seconds);
                let options = careful(options, service, statement);
                postgres(PgPoolOptions::new().max_connections(config.connections), options).await
            }
        };
        opened.map_err(|error| unreachable_at(target, error))
    }
}

/// A connection to PostgreSQL of its own, which lives until it is closed: a lock of its session
/// holds as long. `patience` is how long one statement may take, waiting for the lock included.
pub(super) async fn session(
    target: &Target,
    options: &PgConnectOptions,
    service: &str,
    patience: Duration,
) -> Result<DatabaseConnection, DatabaseError> {
    let pool = PgPoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
    let pools = postgres(pool, careful(options, service, patience)).await;
    Ok(pools.map_err(|error| unreachable_at(target, error))?.write)
}

fn unreachable_at(target: &Target, error: sqlx::Error) -> DatabaseError {
    let source = DbErr::Conn(RuntimeErr::SqlxError(error.into()));
    DatabaseError::Connect { url: target.to_string(), source }
}

/// Makes an empty file, which is a good SQLite database, that only its owner can read: so do the
/// files that SQLite makes beside it.
fn make_file(path: &Path) -> io::Result<()> {
    make_folder(path)?;
    let owner_only = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    owner_only.map(drop)
}

pub(super) fn make_folder(file: &Path) -> io::Result<()> {
    match file.parent() {
        Some(folder) => DirBuilder::new().recursive(true).mode(0o700).create(folder),
        None => Ok(()),
    }
}

async fn sqlite(options: &SqliteConnectOptions) -> Result<Pools, sqlx::Error> {
    let pool = || SqlitePoolOptions::new().idle_timeout(None).max_lifetime(None);
    let pool = || pool().min_connections(1).acquire_timeout(TURN).test_before_acquire(false);
    let options = options.clone().busy_timeout(TURN).foreign_keys(true);
    let writer = options.clone().read_only(false).journal_mode(SqliteJournalMode::Wal);
    let writer = writer.synchronous(SqliteSynchronous::Full);
    let write = pool().max_connections(1).connect_with(writer).await?;
    let reader = options.read_only(true);
    let read = pool().max_connections(READERS).connect_with(reader).await?;
    Ok(Pools { read: read.into(), write: write.into() })
}

/// What the server shall see to by itself, whatever becomes of us. A connection that died in
/// silence is noticed by the keep-alives; a pool would wait for it for ever.
fn careful(options: &PgConnectOptions, service: &str, statement: Duration) -> PgConnectOptions {
    let statement = statement.as_millis().to_string();
    options.clone().application_name(service).options([
        ("statement_timeout", statement.as_str()),
        ("idle_in_transaction_session_timeout", "30s"),
        ("tcp_keepalives_idle", "10"),
        ("tcp_keepalives_interval", "5"),
        ("tcp_keepalives_count", "3"),
        ("tcp_user_timeout", "20s"),
    ])
}

async fn postgres(pool: PgPoolOptions, options: PgConnectOptions) -> Result<Pools, sqlx::Error> {
    reach(&options).await?;
    let pool = pool.acquire_timeout(ACQUIRE).test_before_acquire(false);
    let pool = pool.before_acquire(|connection, usage| {
        Box::pin(async move {
            if usage.idle_for >= RESTED {
                connection.ping().await?;
            }
            Ok(true)
        })
    });
    let pool: DatabaseConnection = pool.connect_with(options).await?.into();
    Ok(Pools { read: pool.clone(), write: pool })
}

/// Connects once by itself: a pool would try again and, in the end, tell only that time is up.
async fn reach(options: &PgConnectOptions) -> Result<(), sqlx::Error> {
    let connecting = tokio::time::timeout(CONNECT, options.connect()).await;
    let connection = connecting.map_err(|_| sqlx::Error::Io(io::ErrorKind::TimedOut.into()))??;
    connection.close().await
}
