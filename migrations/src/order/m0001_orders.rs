//! The first tables: orders, order_history.

use sea_orm_migration::prelude::*;

pub(super) struct Orders;

impl MigrationName for Orders {
    fn name(&self) -> &str {
        "0001_orders"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Orders {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        orders(manager).await?;
        order_history(manager).await
    }
}

/// Amounts are hundredths: whole numbers, which both kinds of database keep exactly.
async fn orders(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut table = Table::create();
    table
        .table("orders")
        .col(uuid("id").primary_key())
        .col(uuid("user_id"))
        .col(text("product"))
        .col(ColumnDef::new("description").text())
        .col(ColumnDef::new("quantity").integer().not_null())
        .col(number("price_minor"))
        .col(number("total_minor"))
        .col(text("currency"))
        .col(text("reference"))
        .col(text("status"))
        .col(time("created_at"))
        .col(time("updated_at"))
        .col(number("version"));
    manager.create_table(table).await?;
    let mut one_reference = Index::create();
    one_reference.name("orders_one_reference").table("orders").unique();
    manager.create_index(one_reference.col("user_id").col("reference").take()).await?;
    let mut by_user = Index::create();
    by_user.name("orders_by_user").table("orders").col("user_id").col("created_at").col("id");
    manager.create_index(by_user).await
}

/// A row for each version of an order: the step that made it.
async fn order_history(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut of_order = ForeignKey::create();
    of_order.name("order_history_order_id").from("order_history", "order_id").to("orders", "id");
    let mut table = Table::create();
    table
        .table("order_history")
        .col(uuid("order_id"))
        .col(number("version"))
        .col(ColumnDef::new("from_status").text())
        .col(text("to_status"))
        .col(time("at"))
        .col(uuid("by_user"))
        .primary_key(Index::create().col("order_id").col("version"))
        .foreign_key(of_order.on_delete(ForeignKeyAction::Cascade));
    manager.create_table(table).await
}

fn uuid(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).uuid().not_null().take()
}

fn text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().not_null().take()
}

fn number(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().take()
}

fn time(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).timestamp_with_time_zone().not_null().take()
}
