//! What order-svc answers and tells: orders, from placing to delivery.

use chrono::{DateTime, Utc};
use garde::Validate;
use mesh::{Effect, Event, FieldError, Refusal, RefusalKind, Request};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    money::Money,
    page::{MAX_LIMIT, Page},
    rules,
    validation::check,
};

/// Where an order is on its way.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Placed.
    #[default]
    Pending,
    /// Accepted.
    Confirmed,
    /// On its way.
    Shipped,
    /// There.
    Delivered,
    /// Called off.
    Cancelled,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// UUIDv7.
    pub id: Uuid,
    /// Whose.
    pub user_id: Uuid,
    /// What was ordered.
    pub product: String,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How many.
    pub quantity: u32,
    /// The price of one.
    #[schema(value_type = f64, example = 29.99)]
    pub price: Money,
    /// The price of all.
    #[schema(value_type = f64, example = 29.99)]
    pub total: Money,
    /// ISO 4217.
    #[schema(example = "EUR")]
    pub currency: String,
    /// The client's own name for it; unique for each user.
    pub reference: String,
    /// Where it is on its way.
    pub status: OrderStatus,
    /// When it was placed.
    pub created_at: DateTime<Utc>,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
}

/// A step of an order on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct OrderStep {
    /// Where it was; nothing for the first step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<OrderStatus>,
    /// Where it went.
    pub to: OrderStatus,
    /// When.
    pub at: DateTime<Utc>,
    /// Who did it.
    pub by: Uuid,
}

/// What order-svc refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "code", content = "data")]
pub enum OrderError {
    /// No such order, or somebody else's.
    #[error("there is no such order")]
    #[serde(rename = "order.not_found")]
    NotFound,
    /// The order cannot go there from where it is.
    #[error("an order that is {from:?} cannot become {to:?}; it may become {legal:?}")]
    #[serde(rename = "order.illegal_step")]
    IllegalStep {
        /// Where it is.
        from: OrderStatus,
        /// Where it cannot go.
        to: OrderStatus,
        /// Where it can go.
        legal: Vec<OrderStatus>,
    },
    /// Another order of this user has this reference.
    #[error("there is an order with this reference")]
    #[serde(rename = "order.reference_taken")]
    ReferenceTaken,
    /// Only administrators may.
    #[error("only an administrator may do this")]
    #[serde(rename = "order.forbidden")]
    Forbidden,
    /// The user for whom it is placed does not exist, or is disabled.
    #[error("this account cannot order")]
    #[serde(rename = "order.user_not_active")]
    UserNotActive,
}

impl Refusal for OrderError {
    fn kind(&self) -> RefusalKind {
        match self {
            Self::NotFound => RefusalKind::NotFound,
            Self::IllegalStep { .. } | Self::ReferenceTaken => RefusalKind::Conflict,
            Self::Forbidden | Self::UserNotActive => RefusalKind::Forbidden,
        }
    }
}

/// Asks order-svc to place an order for the caller.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema, Validate, ToSchema)]
pub struct PlaceOrder {
    /// What is ordered.
    #[serde(alias = "title")]
    #[garde(custom(rules::line(200)))]
    #[schema(min_length = 1, max_length = 200)]
    pub product: String,
    /// More about it.
    #[serde(default)]
    #[garde(inner(custom(rules::text(2000))))]
    #[schema(max_length = 2000)]
    pub description: Option<String>,
    /// How many; one if not said.
    #[serde(default = "one")]
    #[garde(range(min = 1, max = 1_000_000))]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub quantity: u32,
    /// The price of one, with at most two decimal places.
    #[garde(custom(rules::price))]
    #[schema(value_type = f64, minimum = 0, maximum = 99_999_999_999.99, multiple_of = 0.01, example = 29.99)]
    pub price: Money,
    /// ISO 4217; EUR if not said.
    #[serde(default = "euro")]
    #[garde(custom(rules::currency))]
    #[schema(min_length = 3, max_length = 3, example = "EUR")]
    pub currency: String,
    /// The client's own name for it, unique for each user; generated if not said.
    #[serde(default, alias = "orderReference")]
    #[garde(inner(custom(rules::line(100))))]
    #[schema(min_length = 1, max_length = 100)]
    pub reference: Option<String>,
}

fn one() -> u32 {
    1
}

fn euro() -> String {
    "EUR".to_owned()
}

impl Request for PlaceOrder {
    const ROUTE: &'static str = "order.place";
    const EFFECT: Effect = Effect::Once;
    type Reply = Order;
    type Error = OrderError;

    fn validate(&self) -> Result<(), Vec<FieldError>> {
        check(self)?;
        rules::total(self.price, self.quantity)
    }
}

/// Asks order-svc for an order: of the caller, or as an administrator of anybody.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
pub struct GetOrder {
    /// Which.
    pub id: Uuid,
}

impl Request for GetOrder {
    const ROUTE: &'static str = "order.get";
    const EFFECT: Effect = Effect::Repeatable;
    type Reply = Order;
    type Error = OrderError;
}

/// Asks order-svc for orders, newest first: the caller's, or as an administrator anybody's.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema, Validate, IntoParams)]
#[serde(default, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct ListOrders {
    /// Whose; only administrators may ask for others'.
    #[garde(skip)]
    pub user_id: Option<Uuid>,
    /// Only those that are there on their way.
    #[garde(skip)]
    pub status: Option<OrderStatus>,
    /// Items on the page, 1 to 100; 20 if not said.
    #[garde(inner(range(min = 1, max = MAX_LIMIT)))]
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// The cursor of the page before.
    #[garde(inner(length(bytes, max = 1000)))]
    #[param(max_length = 1000)]
    pub cursor: Option<String>,
}

impl Request for ListOrders {
    const ROUTE: &'static str = "order.list";
    const EFFECT: Effect = Effect::Repeatable;
    type Reply = Page<Order>;
    type Error = OrderError;

    fn validate(&self) -> Result<(), Vec<FieldError>> {
        check(self)
    }
}

/// Asks order-svc to bring an order a step further. The owner may cancel; an administrator may
/// do every legal step. The status that it has already changes nothing.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
pub struct SetOrderStatus {
    /// Which.
    pub id: Uuid,
    /// Where it goes.
    pub status: OrderStatus,
}

impl Request for SetOrderStatus {
    const ROUTE: &'static str = "order.set_status";
    const EFFECT: Effect = Effect::Repeatable;
    type Reply = Order;
    type Error = OrderError;
}

/// Asks order-svc for the way that an order has come, oldest step first.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
pub struct GetOrderHistory {
    /// Of which.
    pub id: Uuid,
}

impl Request for GetOrderHistory {
    const ROUTE: &'static str = "order.history";
    const EFFECT: Effect = Effect::Repeatable;
    type Reply = Page<OrderStep>;
    type Error = OrderError;
}

/// An order was placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderCreated {
    /// All of it.
    pub order: Order,
    /// The order's version: 1.
    pub version: u64,
}

impl Event for OrderCreated {
    const KEY: &'static str = "order.created";
    fn aggregate(&self) -> Uuid {
        self.order.id
    }
    fn version(&self) -> u64 {
        self.version
    }
}

/// An order has come a step further.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderStatusChanged {
    /// All of it, as it is now.
    pub order: Order,
    /// The step.
    pub step: OrderStep,
    /// The order's version.
    pub version: u64,
}

impl Event for OrderStatusChanged {
    const KEY: &'static str = "order.status_changed";
    fn aggregate(&self) -> Uuid {
        self.order.id
    }
    fn version(&self) -> u64 {
        self.version
    }
}
