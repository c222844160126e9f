//! Bringing orders on their way.

use common_messages::order::{Order, OrderError, OrderStatus, OrderStatusChanged, SetOrderStatus};
use mesh::{Ctx, Reply};

use super::{is_admin, seen_by};
use crate::{App, status, store::orders};

/// Brings an order a step further. The status that it has already changes nothing.
pub(crate) async fn set_status(ctx: Ctx<App>, request: SetOrderStatus) -> Reply<SetOrderStatus> {
    let caller = ctx.caller()?;
    let tx = ctx.begin().await?;
    let order = orders::lock(&tx, seen_by(caller), request.id).await?;
    let order = order.ok_or(OrderError::NotFound)?;
    let from = OrderStatus::from(order.status);
    if from == request.status {
        return Ok(order.into());
    }
    status::check(from, request.status, is_admin(caller))?;
    let (row, step) = orders::step(&tx, order, request.status, caller.user_id).await?;
    let version = row.version.cast_unsigned();
    let order = Order::from(row);
    let told = OrderStatusChanged { order: order.clone(), step: step.into(), version };
    tx.emit(&told).await?;
    tx.commit(order).await
}
