//! The way that orders have come.

use chrono::{DateTime, Utc};
use common_messages::order;
use sea_orm::entity::prelude::*;

use super::orders::Status;

/// A step of an order.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "order_history")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub order_id: Uuid,
    /// The version of the order that the step has made.
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: i64,
    /// Nothing for the first one.
    pub from_status: Option<Status>,
    pub to_status: Status,
    pub at: DateTime<Utc>,
    /// Who did it.
    pub by_user: Uuid,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for order::OrderStep {
    fn from(row: Model) -> Self {
        Self {
            from: row.from_status.map(Into::into),
            to: row.to_status.into(),
            at: row.at,
            by: row.by_user,
        }
    }
}
