//! What the handlers share, and how it is prepared.

use anyhow::{Context, Result};
use mesh::database::{Database, DatabaseConfig};

use crate::{
    NAME, config::AccountsConfig, first_admin, keys::Keyring, password::Passwords, tokens::Tokens,
};

/// The state of the service.
#[derive(Debug)]
pub struct App {
    pub(crate) database: Database,
    pub(crate) passwords: Passwords,
    pub(crate) tokens: Tokens,
}

impl App {
    /// Opens the database, brings its schema up to date, and makes what must be there from the
    /// start: a signing key, and the first administrator if the configuration names one.
    /// Instances that start together find the same.
    ///
    /// # Errors
    /// The database cannot be used, or the configuration contradicts it or itself.
    pub async fn open(database: &DatabaseConfig, accounts: &AccountsConfig) -> Result<Self> {
        let database = Database::connect(database, NAME).await?;
        migrations::user::SCHEMA.up(&database).await.context("migrate the database")?;
        let keys = Keyring::load(&database).await.context("load the signing keys")?;
        let app = Self {
            database,
            passwords: Passwords::new(accounts.bcrypt_cost),
            tokens: Tokens::new(keys, accounts.access_token_seconds)?,
        };
        first_admin::ensure(&app, accounts).await?;
        Ok(app)
    }
}
