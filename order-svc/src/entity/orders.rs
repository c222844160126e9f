//! Orders.

use chrono::{DateTime, Utc};
use common_messages::{Money, order};
use sea_orm::entity::prelude::*;

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "orders")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub user_id: Uuid,
    pub product: String,
    pub description: Option<String>,
    pub quantity: i32,
    /// Hundredths, of one.
    pub price_minor: i64,
    /// Hundredths, of all.
    pub total_minor: i64,
    /// ISO 4217.
    pub currency: String,
    /// Unique for each user.
    pub reference: String,
    pub status: Status,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// 1, and one more with each step.
    pub version: i64,
}

/// [`order::OrderStatus`] as the tables have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub(crate) enum Status {
    #[sea_orm(string_value = "pending")]
    Pending,
    #[sea_orm(string_value = "confirmed")]
    Confirmed,
    #[sea_orm(string_value = "shipped")]
    Shipped,
    #[sea_orm(string_value = "delivered")]
    Delivered,
    #[sea_orm(string_value = "cancelled")]
    Cancelled,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for order::Order {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            user_id: row.user_id,
            product: row.product,
            description: row.description,
            quantity: row.quantity.cast_unsigned(),
            price: Money::from_minor(row.price_minor),
            total: Money::from_minor(row.total_minor),
            currency: row.currency,
            reference: row.reference,
            status: row.status.into(),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

impl From<order::OrderStatus> for Status {
    fn from(status: order::OrderStatus) -> Self {
        match status {
            order::OrderStatus::Pending => Self::Pending,
            order::OrderStatus::Confirmed => Self::Confirmed,
            order::OrderStatus::Shipped => Self::Shipped,
            order::OrderStatus::Delivered => Self::Delivered,
            order::OrderStatus::Cancelled => Self::Cancelled,
        }
    }
}

impl From<Status> for order::OrderStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Pending => Self::Pending,
            Status::Confirmed => Self::Confirmed,
            Status::Shipped => Self::Shipped,
            Status::Delivered => Self::Delivered,
            Status::Cancelled => Self::Cancelled,
        }
    }
}
