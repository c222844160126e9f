//! Looking at orders.

use chrono::DateTime;
use common_messages::{
    Cursor, Page,
    order::{GetOrder, GetOrderHistory, ListOrders, Order, OrderError},
    page::DEFAULT_LIMIT,
};
use mesh::{Caller, Ctx, FieldError, HandlerError, Rejection, Reply};
use uuid::Uuid;

use super::{is_admin, seen_by};
use crate::{
    App,
    entity::orders::Model,
    store::{
        history,
        orders::{self, Search, SortKey},
    },
};

/// An order.
pub(crate) async fn get(ctx: Ctx<App>, request: GetOrder) -> Reply<GetOrder> {
    let whose = seen_by(ctx.caller()?);
    let order = orders::find(ctx.app().database.read(), whose, request.id).await?;
    Ok(order.ok_or(OrderError::NotFound)?.into())
}

/// The way that an order has come.
pub(crate) async fn history(ctx: Ctx<App>, request: GetOrderHistory) -> Reply<GetOrderHistory> {
    let (whose, db) = (seen_by(ctx.caller()?), ctx.app().database.read());
    let order = orders::find(db, whose, request.id).await?.ok_or(OrderError::NotFound)?;
    let steps = history::of_order(db, order.id).await?;
    Ok(Page { items: steps.into_iter().map(Into::into).collect(), next_cursor: None })
}

/// Orders of one user, newest first.
pub(crate) async fn list(ctx: Ctx<App>, request: ListOrders) -> Reply<ListOrders> {
    let limit = request.limit.unwrap_or(DEFAULT_LIMIT);
    let search = search(request, ctx.caller()?, limit)?;
    let rows = orders::list_for_user(ctx.app().database.read(), search).await?;
    Ok(page(rows, limit))
}

/// What to look for: the caller's own orders, unless an administrator names somebody.
fn search(
    request: ListOrders,
    caller: &Caller,
    limit: u32,
) -> Result<Search, HandlerError<OrderError>> {
    let user_id = request.user_id.unwrap_or(caller.user_id);
    if user_id != caller.user_id && !is_admin(caller) {
        return Err(OrderError::Forbidden.into());
    }
    Ok(Search {
        user_id,
        status: request.status,
        after: request.cursor.as_deref().map(place_of).transpose()?,
        // One more than is shown tells whether there is another page.
        limit: u64::from(limit) + 1,
    })
}

/// A cursor's key: when the order was placed, in milliseconds since 1970, and its id.
type CursorKey = (i64, Uuid);

/// Beyond it, in the year 9999, no order was placed, and PostgreSQL knows no time far beyond.
const LAST_MS: i64 = 253_402_300_799_999;

fn cursor_of(row: &Model) -> String {
    Cursor((row.created_at.timestamp_millis(), row.id)).to_text()
}

fn place_of(cursor: &str) -> Result<SortKey, Rejection> {
    let key = Cursor::<CursorKey>::from_text(cursor).ok().map(|Cursor(key)| key);
    let key = key.filter(|(ms, _)| (0..=LAST_MS).contains(ms));
    let place = key.and_then(|(ms, id)| Some((DateTime::from_timestamp_millis(ms)?, id)));
    place.ok_or_else(|| {
        let message = "is not a cursor that was given out".to_owned();
        Rejection::invalid(vec![FieldError { field: "cursor".to_owned(), message }])
    })
}

/// `rows` is one longer than the page if there is another one behind it.
fn page(mut rows: Vec<Model>, limit: u32) -> Page<Order> {
    let limit = limit as usize;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next_cursor = rows.last().filter(|_| more).map(cursor_of);
    Page { items: rows.into_iter().map(Into::into).collect(), next_cursor }
}
