//! What the handlers share, and how it is prepared.

use anyhow::{Context, Result};
use mesh::database::{Database, DatabaseConfig};

use crate::{NAME, known_users::KnownUsers};

/// The state of the service.
#[derive(Debug)]
pub struct App {
    pub(crate) database: Database,
    pub(crate) known_users: KnownUsers,
}

impl App {
    /// Opens the database and brings its schema up to date.
    ///
    /// # Errors
    /// The database cannot be used.
    pub async fn open(database: &DatabaseConfig) -> Result<Self> {
        let database = Database::connect(database, NAME).await?;
        migrations::order::SCHEMA.up(&database).await.context("migrate the database")?;
        Ok(Self { database, known_users: KnownUsers::new() })
    }
}
