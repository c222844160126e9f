//! What the handlers share, and how it is prepared.

use std::sync::Arc;

use anyhow::{Context, Result};
use mesh::database::{Database, DatabaseConfig};

use crate::{
    NAME,
    config::AccountsConfig,
    first_admin,
    password::Passwords,
    rotation::{self, Rule, Upkeep},
    tokens::Tokens,
};

/// The state of the service.
#[derive(Debug)]
pub struct App {
    pub(crate) database: Database,
    pub(crate) passwords: Passwords,
    pub(crate) tokens: Arc<Tokens>,
    rule: Rule,
    _upkeep: Upkeep,
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
        let rule = Rule::of(accounts);
        let keys = rotation::look_after(&database, rule).await.context("load the signing keys")?;
        let tokens = Arc::new(Tokens::new(keys, accounts.access_token_seconds)?);
        let app = Self {
            passwords: Passwords::new(accounts.bcrypt_cost),
            rule,
            _upkeep: Upkeep::start(database.clone(), rule, Arc::clone(&tokens)),
            database,
            tokens,
        };
        first_admin::ensure(&app, accounts).await?;
        Ok(app)
    }

    /// Takes the keys that there are now: another instance may have made a new one.
    pub(crate) async fn reload_keys(&self) -> Result<()> {
        self.tokens.take(rotation::read(&self.database, self.rule).await?);
        Ok(())
    }
}
