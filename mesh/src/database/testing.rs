//! A database of one's own for each test, on both kinds.
#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot run must fail loudly")]

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbErr,
    sqlx::postgres::{PgConnectOptions, PgPoolOptions},
};
use sea_orm_migration::SchemaManager;
use tempfile::TempDir;

use super::{Database, DatabaseConfig};
use crate::{durable, identity::draw_name};

/// The kinds of database that a service must behave alike on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// A file in a folder of the test's own.
    Sqlite,
    /// A database of the test's own on the server that `TEST_POSTGRES_URL` names.
    Postgres,
}

impl Backend {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];
}

/// An empty database, gone when dropped.
#[derive(Debug)]
pub struct TestDatabase {
    config: DatabaseConfig,
    _place: Place,
}

#[derive(Debug)]
#[expect(dead_code, reason = "they are dropped, not read")]
enum Place {
    Folder(TempDir),
    Server(OnServer),
}

impl TestDatabase {
    /// Makes an empty database.
    pub async fn start(backend: Backend) -> Self {
        match backend {
            Backend::Sqlite => {
                let folder = tempfile::tempdir().expect("a temporary folder");
                let url = format!("sqlite://{}/{{service}}.db?mode=rwc", folder.path().display());
                Self { config: DatabaseConfig::at(url), _place: Place::Folder(folder) }
            }
            Backend::Postgres => {
                let server = std::env::var("TEST_POSTGRES_URL");
                let missing = |_| panic!("TEST_POSTGRES_URL is not set: run ./dev test");
                Self::on_server(&server.unwrap_or_else(missing)).await
            }
        }
    }

    /// Makes an empty database on the PostgreSQL server at this address, which names no database.
    pub async fn on_server(server: &str) -> Self {
        let place = OnServer { server: server.to_owned(), name: format!("test_{}", draw_name()) };
        place.make().await;
        let url = format!("{}/{}", place.server, place.name);
        let config = DatabaseConfig { connections: 4, ..DatabaseConfig::at(url) };
        Self { config, _place: Place::Server(place) }
    }

    /// How to find it.
    pub fn config(&self) -> &DatabaseConfig {
        &self.config
    }

    /// Its address, password included: for the environment of a process.
    pub fn url(&self) -> &str {
        self.config.url.expose()
    }

    /// Connects as `service`.
    pub async fn connect(&self, service: &'static str) -> Database {
        Database::connect(&self.config, service).await.expect("connect to the test's database")
    }

    /// Connects as `service`, with the tables of the mesh.
    pub async fn connect_with_tables(&self, service: &'static str) -> Database {
        let database = self.connect(service).await;
        let manager = SchemaManager::new(database.write());
        for migration in durable::schema::migrations() {
            migration.up(&manager).await.expect("make the mesh's tables");
        }
        database
    }
}

#[derive(Debug)]
struct OnServer {
    server: String,
    name: String,
}

impl OnServer {
    async fn make(&self) {
        let made = run(&self.server, &format!("CREATE DATABASE {}", self.name)).await;
        made.expect("TEST_POSTGRES_URL names a server whose user may make databases");
    }
}

impl Drop for OnServer {
    fn drop(&mut self) {
        let server = self.server.clone();
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let deletion = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|runtime| runtime.block_on(run(&server, &statement)))
        });
        // A database that stays behind harms no other test.
        let _ = deletion.join();
    }
}

async fn run(server: &str, statement: &str) -> Result<(), DbErr> {
    let options: PgConnectOptions = format!("{server}/postgres").parse().expect("an address");
    let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(options);
    let connection = DatabaseConnection::from(pool);
    connection.execute_unprepared(statement).await?;
    connection.close().await
}
