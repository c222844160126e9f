//! The tables that the mesh keeps in a service's database.

use sea_orm_migration::{
    MigrationName, MigrationTrait, SchemaManager, async_trait,
    prelude::{ColumnDef, DbErr, DeriveIden, Index, Table},
};

/// The mesh's own migrations, for a service to list before its own.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(InboxAndOutbox)]
}

#[derive(DeriveIden)]
pub(crate) enum Inbox {
    #[sea_orm(iden = "mesh_inbox")]
    Table,
    Scope,
    Contract,
    Key,
    Fingerprint,
    Reply,
    CreatedMs,
}

#[derive(DeriveIden)]
pub(crate) enum Outbox {
    #[sea_orm(iden = "mesh_outbox")]
    Table,
    Id,
    Seq,
    Key,
    Aggregate,
    Version,
    Traceparent,
    Body,
    CreatedMs,
    Attempts,
    NextMs,
}

#[derive(DeriveIden)]
pub(crate) enum RelayLease {
    #[sea_orm(iden = "mesh_relay_lease")]
    Table,
    Id,
    Holder,
    UntilMs,
}

struct InboxAndOutbox;

impl MigrationName for InboxAndOutbox {
    fn name(&self) -> &str {
        "mesh_0001_inbox_and_outbox"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for InboxAndOutbox {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let text = |column: Inbox| ColumnDef::new(column).text().not_null().to_owned();
        let inbox = Table::create()
            .table(Inbox::Table)
            .col(text(Inbox::Scope))
            .col(text(Inbox::Contract))
            .col(text(Inbox::Key))
            .col(text(Inbox::Fingerprint))
            .col(ColumnDef::new(Inbox::Reply).text())
            .col(ColumnDef::new(Inbox::CreatedMs).big_integer().not_null())
            .primary_key(Index::create().col(Inbox::Scope).col(Inbox::Contract).col(Inbox::Key))
            .to_owned();
        manager.create_table(inbox).await?;
        let by_age = Index::create()
            .name("mesh_inbox_created")
            .table(Inbox::Table)
            .col(Inbox::CreatedMs)
            .to_owned();
        manager.create_index(by_age).await?;

        let outbox = Table::create()
            .table(Outbox::Table)
            .col(
                ColumnDef::new(Outbox::Seq).big_integer().not_null().auto_increment().primary_key(),
            )
            .col(ColumnDef::new(Outbox::Id).uuid().not_null().unique_key())
            .col(ColumnDef::new(Outbox::Key).text().not_null())
            .col(ColumnDef::new(Outbox::Aggregate).uuid().not_null())
            .col(ColumnDef::new(Outbox::Version).big_integer().not_null())
            .col(ColumnDef::new(Outbox::Traceparent).text().not_null())
            .col(ColumnDef::new(Outbox::Body).text().not_null())
            .col(ColumnDef::new(Outbox::CreatedMs).big_integer().not_null())
            .col(ColumnDef::new(Outbox::Attempts).integer().not_null().default(0))
            .col(ColumnDef::new(Outbox::NextMs).big_integer().not_null())
            .to_owned();
        manager.create_table(outbox).await?;

        let lease = Table::create()
            .table(RelayLease::Table)
            .col(ColumnDef::new(RelayLease::Id).integer().not_null().primary_key())
            .col(ColumnDef::new(RelayLease::Holder).text().not_null())
            .col(ColumnDef::new(RelayLease::UntilMs).big_integer().not_null())
            .to_owned();
        manager.create_table(lease).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Inbox::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(Outbox::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(RelayLease::Table).to_owned()).await
    }
}
