//! Orders, from placing to delivery.

use actix_web::{HttpResponse, http::header, web::Json};
use common_messages::{
    Page,
    order::{
        GetOrder, GetOrderHistory, ListOrders, Order, OrderStatus, OrderStep, PlaceOrder,
        SetOrderStatus,
    },
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::Answer;
use crate::{
    auth::User,
    idempotency::{IDEMPOTENCY_REPLAYED, IdempotencyKey},
    json::Body,
    problem::Problem,
    query::{Id, Query},
};

/// Places an order.
///
/// With an `Idempotency-Key` it may be sent again for 24 hours, as often as it takes: there will be
/// one order, and the answer is the same, with `Idempotency-Replayed: true`. The same key with
/// another body is refused.
#[utoipa::path(
    post,
    path = "/api/orders",
    operation_id = "placeOrder",
    tag = "orders",
    params(IdempotencyKey),
    request_body = PlaceOrder,
    responses((
        status = 201,
        description = "The order",
        body = Order,
        headers(
            ("Location" = String, description = "Where the order is"),
            ("Idempotency-Replayed" = bool, description = "`true` for a repeat"),
        ),
    )),
)]
pub async fn place(
    user: User,
    key: IdempotencyKey,
    Body(body): Body<PlaceOrder>,
) -> Result<HttpResponse, Problem> {
    let answer = user.ask_once(body, key).await?;
    let location = format!("/api/orders/{}", answer.reply.id);
    let mut response = HttpResponse::Created();
    response.insert_header((header::LOCATION, location));
    if answer.replayed {
        response.insert_header((IDEMPOTENCY_REPLAYED, "true"));
    }
    Ok(response.json(answer.reply))
}

/// Lists orders, newest first: one's own, or as an administrator anybody's.
#[utoipa::path(
    get,
    path = "/api/orders",
    operation_id = "listOrders",
    tag = "orders",
    params(ListOrders),
    responses((status = 200, description = "A page of orders", body = Page<Order>)),
)]
pub async fn list(user: User, Query(query): Query<ListOrders>) -> Answer<Page<Order>> {
    Ok(Json(user.ask(query).await?))
}

/// Shows an order to its owner and administrators.
#[utoipa::path(
    get,
    path = "/api/orders/{id}",
    operation_id = "showOrder",
    tag = "orders",
    params(("id" = uuid::Uuid, Path, description = "Which")),
    responses((status = 200, description = "The order", body = Order)),
)]
pub async fn show(user: User, Id(id): Id) -> Answer<Order> {
    Ok(Json(user.ask(GetOrder { id }).await?))
}

/// Shows the way that an order has come, oldest step first.
#[utoipa::path(
    get,
    path = "/api/orders/{id}/history",
    operation_id = "showOrderHistory",
    tag = "orders",
    params(("id" = uuid::Uuid, Path, description = "Of which")),
    responses((status = 200, description = "Its steps", body = Page<OrderStep>)),
)]
pub async fn history(user: User, Id(id): Id) -> Answer<Page<OrderStep>> {
    Ok(Json(user.ask(GetOrderHistory { id }).await?))
}

/// Where an order goes.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
pub struct OrderStatusChange {
    /// Its status from now on.
    pub status: OrderStatus,
}

/// Brings an order a step further.
///
/// The owner may cancel; an administrator may do every legal step. A step that is not legal is
/// refused, and `data.legal` names those that are. The status that it has already changes nothing.
#[utoipa::path(
    put,
    path = "/api/orders/{id}/status",
    operation_id = "setOrderStatus",
    tag = "orders",
    params(("id" = uuid::Uuid, Path, description = "Which")),
    request_body = OrderStatusChange,
    responses((status = 200, description = "The order as it is now", body = Order)),
)]
pub async fn set_status(
    user: User,
    Id(id): Id,
    Body(change): Body<OrderStatusChange>,
) -> Answer<Order> {
    Ok(Json(user.ask(SetOrderStatus { id, status: change.status }).await?))
}
