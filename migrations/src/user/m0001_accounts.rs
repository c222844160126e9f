//! The first tables: users, sessions, refresh_tokens, signing_keys.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

pub(super) struct Accounts;

impl MigrationName for Accounts {
    fn name(&self) -> &str {
        "0001_accounts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Accounts {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        users(manager).await?;
        sessions(manager).await?;
        refresh_tokens(manager).await?;
        signing_keys(manager).await
    }
}

async fn users(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut name_key = text("name_key");
    if manager.get_database_backend() == DbBackend::Postgres {
        // By bytes, as SQLite compares: for the same order of pages, and for prefixes by index.
        name_key.extra("COLLATE \"C\"");
    }
    let mut table = Table::create();
    table
        .table("users")
        .col(uuid("id").primary_key())
        .col(text("email"))
        .col(text("email_key").unique_key())
        .col(text("name"))
        .col(&mut name_key)
        .col(text("password_hash"))
        .col(text("role"))
        .col(text("status"))
        .col(time("created_at"))
        .col(time("updated_at"))
        .col(ColumnDef::new("version").big_integer().not_null());
    manager.create_table(table).await?;
    let mut by_name = Index::create();
    by_name.name("users_by_name").table("users").col("name_key").col("id");
    manager.create_index(by_name).await
}

async fn sessions(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut table = Table::create();
    table
        .table("sessions")
        .col(uuid("id").primary_key())
        .col(uuid("user_id"))
        .col(text("role"))
        .col(time("created_at"))
        .col(time("last_used_at"))
        .col(moment("revoked_at"))
        .col(ColumnDef::new("revocation_reason").text())
        .foreign_key(&mut belongs_to("sessions", "user_id", "users", "id"));
    manager.create_table(table).await?;
    let mut by_user = Index::create();
    by_user.name("sessions_by_user").table("sessions").col("user_id");
    manager.create_index(by_user).await?;
    // Those that were revoked of late are asked for at every gateway's connect.
    let mut revoked = Index::create();
    revoked.name("sessions_revoked").table("sessions").col("revoked_at");
    revoked.and_where(Expr::col("revoked_at").is_not_null());
    manager.create_index(revoked).await
}

/// A row for each token, not a column of the session: one that has been replaced must still be
/// recognised, and for a moment a session may have two good ones. Each knows which one it has
/// replaced: using that once more is forgiven until this one is used.
async fn refresh_tokens(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut table = Table::create();
    table
        .table("refresh_tokens")
        .col(ColumnDef::new("hash").blob().not_null().primary_key())
        .col(uuid("session_id"))
        .col(time("created_at"))
        .col(moment("replaced_at"))
        .col(ColumnDef::new("replaces").blob())
        .foreign_key(&mut belongs_to("refresh_tokens", "session_id", "sessions", "id"));
    manager.create_table(table).await?;
    let mut by_session = Index::create();
    by_session.name("refresh_tokens_by_session").table("refresh_tokens").col("session_id");
    manager.create_index(by_session).await
}

async fn signing_keys(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut table = Table::create();
    table
        .table("signing_keys")
        .col(text("id").primary_key())
        .col(ColumnDef::new("private_key").blob().not_null())
        .col(ColumnDef::new("public_key").blob().not_null())
        .col(text("state"))
        .col(time("created_at"))
        .col(moment("retired_at"));
    manager.create_table(table).await?;
    // Instances that make the first key together: one succeeds, and all take that one.
    let mut one_current = Index::create();
    one_current.name("signing_keys_one_current").table("signing_keys").col("state").unique();
    one_current.and_where(Expr::col("state").eq("current"));
    manager.create_index(one_current).await
}

fn uuid(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).uuid().not_null().take()
}

fn text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().not_null().take()
}

fn time(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).timestamp_with_time_zone().not_null().take()
}

/// A time that may not have come.
fn moment(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).timestamp_with_time_zone().take()
}

/// A row that goes with the one it belongs to.
fn belongs_to(
    table: &'static str,
    column: &'static str,
    owner: &'static str,
    key: &'static str,
) -> ForeignKeyCreateStatement {
    let mut foreign = ForeignKey::create();
    foreign.name(format!("{table}_{column}")).from(table, column).to(owner, key);
    foreign.on_delete(ForeignKeyAction::Cascade).take()
}
