//! A service's schema: its migrations in their order, and how they are applied.

use mesh::database::{Database, DatabaseError};
use sea_orm_migration::{
    Migration, MigrationStatus, MigrationTrait, MigratorTraitSelf,
    sea_orm::{ConnectionTrait, DatabaseConnection, DynIden},
    sea_query::{Alias, IntoIden},
};

/// The migrations of one service. They are noted in a table that bears its name, so that
/// services in one PostgreSQL database but in schemas of their own cannot be confused.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// Whose: `user-svc`.
    pub service: &'static str,
    pub(crate) table: &'static str,
    pub(crate) migrations: fn() -> Vec<Box<dyn MigrationTrait>>,
}

/// One migration, and whether it has been applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// Whether it has been applied.
    pub applied: bool,
}

impl Schema {
    /// Applies what has not been applied yet. Instances that start together may all call it:
    /// one does it, the others wait.
    ///
    /// # Errors
    /// A statement failed, or another instance has been at it for a minute. Each migration is
    /// applied as a whole or not at all.
    pub async fn up(&self, database: &Database) -> Result<(), DatabaseError> {
        let exclusive = database.exclusive().await?;
        let applied = self.apply(exclusive.connection()).await;
        exclusive.release().await;
        applied
    }

    async fn apply(&self, connection: &DatabaseConnection) -> Result<(), DatabaseError> {
        let pending = self.steps(connection).await?.into_iter().filter(|step| !step.applied);
        let pending: Vec<String> = pending.map(|step| step.name).collect();
        if pending.is_empty() {
            return Ok(());
        }
        tracing::info!(service = self.service, ?pending, "migrating the database");
        Ok(MigratorTraitSelf::up(self, connection, None).await?)
    }

    /// What there is, and what of it has been applied. Changes nothing.
    ///
    /// # Errors
    /// A statement failed, or the database has been migrated by a newer version.
    pub async fn status(&self, database: &Database) -> Result<Vec<Step>, DatabaseError> {
        self.steps(database.read()).await
    }

    async fn steps(&self, connection: &impl ConnectionTrait) -> Result<Vec<Step>, DatabaseError> {
        let migrations = self.get_migration_with_status_read_only(connection).await?;
        let step = |migration: &Migration| Step {
            name: migration.name().to_owned(),
            applied: migration.status() == MigrationStatus::Applied,
        };
        Ok(migrations.iter().map(step).collect())
    }
}

impl MigratorTraitSelf for Schema {
    fn migrations(&self) -> Vec<Box<dyn MigrationTrait>> {
        (self.migrations)()
    }

    fn migration_table_name(&self) -> DynIden {
        Alias::new(self.table).into_iden()
    }
}
