//! The writer dies between commit and publish: the order is there, and every event is told.

use e2e::{Plan, System};
use mesh::{
    database::testing::Backend,
    testing::{TestMesh, eventually},
};
use reqwest::Method;
use serde_json::json;

use crate::{listener::Listener, manifests, writer};

async fn an_order_whose_writer_dies_is_told_of(backend: Backend) {
    let test = TestMesh::start(&manifests()).await;
    let listener = Listener::start(&test).await;
    let plan = Plan { backend, instances: 1, gateways: 1 };
    let mut system = System::start_on(test, plan, &[]).await;
    let owner = system.client().register("owner").await;

    system.stop("order-svc").await;
    system.set("MESH_FAILPOINT", "between commit and publish");
    system.run("order-svc");
    system.is_healthy().await;
    let placing = {
        let owner = owner.clone();
        tokio::spawn(async move {
            let request = owner.request(Method::POST, "/api/orders");
            let request = request.json(&json!({ "product": "lamp", "price": 29.99 }));
            let request = request.header("Idempotency-Key", "k");
            owner.send(request.header("X-Request-Timeout", "30000")).await
        })
    };
    system.ended("order-svc").await;
    assert_eq!(listener.heard().await, 0);

    // It is started again: the request, which was never acknowledged, finds its reply.
    system.set("MESH_FAILPOINT", "");
    system.run("order-svc");
    let answer = placing.await.unwrap();
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.headers["idempotency-replayed"], "true");
    eventually("the order is heard of", async || (listener.heard().await == 1).then_some(())).await;
    assert_eq!(writer::all_orders(&owner).await.len(), 1);
    drop(system);
    listener.stop().await;
}

#[tokio::test]
async fn an_order_whose_writer_dies_before_it_is_told_of_is_told_of_on_sqlite() {
    an_order_whose_writer_dies_is_told_of(Backend::Sqlite).await;
}

#[tokio::test]
async fn an_order_whose_writer_dies_before_it_is_told_of_is_told_of_on_postgresql() {
    an_order_whose_writer_dies_is_told_of(Backend::Postgres).await;
}
