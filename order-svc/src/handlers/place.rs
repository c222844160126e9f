//! Placing orders.

use anyhow::Context;
use common_messages::{
    order::{Order, OrderCreated, OrderError, PlaceOrder},
    user::{GetUser, Status, UserError},
};
use mesh::{CallError, Ctx, HandlerError, Reply};
use uuid::Uuid;

use crate::{App, store::orders};

/// Places an order of the caller.
pub(crate) async fn place(ctx: Ctx<App>, request: PlaceOrder) -> Reply<PlaceOrder> {
    let owner = ctx.caller()?.user_id;
    check_active(&ctx, owner).await?;
    let total = request.price.times(request.quantity).context("count the total")?;
    let tx = ctx.begin().await?;
    let row = orders::insert(&tx, owner, request, total).await?;
    let version = row.version.cast_unsigned();
    let order = Order::from(row);
    tx.emit(&OrderCreated { order: order.clone(), version }).await?;
    tx.commit(order).await
}

/// Whether the user exists and is active: as known here, else as user-svc says.
async fn check_active(ctx: &Ctx<App>, user: Uuid) -> Result<(), HandlerError<OrderError>> {
    let known = &ctx.app().known_users;
    if known.contains(user) {
        return Ok(());
    }
    let asked = known.asking();
    match ctx.call(GetUser { id: user }).await {
        Ok(found) if found.status == Some(Status::Active) => {
            known.remember(user, asked);
            Ok(())
        }
        Ok(_) | Err(CallError::Refused(UserError::NotFound)) => {
            Err(OrderError::UserNotActive.into())
        }
        Err(error) => Err(error.into()),
    }
}
