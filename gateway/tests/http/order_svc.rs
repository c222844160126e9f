//! An order-svc of the tests: places what it is asked to, once.

use chrono::Utc;
use common_messages::order::{Order, OrderError, OrderStatus, PlaceOrder, SetOrderStatus};
use mesh::{
    Ctx, Manifest, Manifests, Mesh, Reply, Service,
    database::testing::{Backend, TestDatabase},
};
use uuid::Uuid;

use crate::user_svc;

/// A mesh of the gateway, the user-svc of the tests, and this.
pub fn manifests() -> Manifests {
    let order_svc = Manifest::new("order-svc").answers::<PlaceOrder>().answers::<SetOrderStatus>();
    let gateway =
        user_svc::gateway().calls_for_caller::<PlaceOrder>().calls_for_caller::<SetOrderStatus>();
    Manifests::new([user_svc::user_svc(), order_svc, gateway]).unwrap()
}

/// Answers from here on, until the test ends.
pub async fn start(mesh: Mesh) {
    let place = TestDatabase::start(Backend::Sqlite).await;
    let database = place.connect_with_tables("order-svc").await;
    let service = Service::new(mesh, ()).database(database).handle(place_order).handle(set_status);
    tokio::spawn(async move {
        service.run_until(std::future::pending()).await.unwrap();
        drop(place);
    });
}

async fn place_order(ctx: Ctx<()>, request: PlaceOrder) -> Reply<PlaceOrder> {
    let now = Utc::now();
    let order = Order {
        id: Uuid::now_v7(),
        user_id: ctx.caller()?.user_id,
        product: request.product,
        description: request.description,
        quantity: request.quantity,
        price: request.price,
        total: request.price,
        currency: request.currency,
        reference: request.reference.unwrap_or_default(),
        status: OrderStatus::Pending,
        created_at: now,
        updated_at: now,
    };
    ctx.begin().await?.commit(order).await
}

async fn set_status(ctx: Ctx<()>, request: SetOrderStatus) -> Reply<SetOrderStatus> {
    ctx.caller()?;
    let (from, legal) = (OrderStatus::Pending, vec![OrderStatus::Cancelled]);
    Err(OrderError::IllegalStep { from, to: request.status, legal }.into())
}
