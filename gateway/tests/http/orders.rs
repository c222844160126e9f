//! Orders over HTTP: placed once for each key, and refused in words that help.

use common_messages::user::Role;
use gateway::GatewayConfig;
use mesh::testing::{PATIENCE, TestMesh};
use reqwest::Method;
use serde_json::json;

use crate::{
    ground::{Answer, Gateway, send},
    order_svc, user_svc,
};

async fn system() -> (TestMesh, Gateway) {
    let test = TestMesh::start(&order_svc::manifests()).await;
    user_svc::start(test.join("user-svc").await).await;
    order_svc::start(test.join("order-svc").await).await;
    let mesh = test.join("gateway").await;
    for service in ["user-svc", "order-svc"] {
        assert!(mesh.sees(service, PATIENCE).await);
    }
    (test, Gateway::start(mesh, GatewayConfig::default()))
}

async fn place(gateway: &Gateway, key: Option<&str>, product: &str) -> Answer {
    let body = json!({ "product": product, "price": 9.99 });
    let request = gateway.request(Method::POST, "/api/orders").json(&body);
    let request = request.bearer_auth(user_svc::token(Role::User));
    send(key.into_iter().fold(request, |request, key| request.header("Idempotency-Key", key))).await
}

#[tokio::test]
async fn a_repeat_gets_the_same_answer_and_is_told_so() {
    let (_test, gateway) = system().await;
    let first = place(&gateway, Some("key-1"), "lamp").await;
    assert_eq!(first.status, 201, "{first:?}");
    let id = first.body["id"].as_str().unwrap();
    assert_eq!(first.header("location"), format!("/api/orders/{id}"));
    assert_eq!(first.header("idempotency-replayed"), "");
    let again = place(&gateway, Some("key-1"), "lamp").await;
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(again.header("idempotency-replayed"), "true");
    let other = place(&gateway, Some("key-1"), "table").await;
    other.is_problem(422, "mesh.key_reused");
}

#[tokio::test]
async fn without_a_key_each_is_a_new_one() {
    let (_test, gateway) = system().await;
    let [first, second] =
        [place(&gateway, None, "lamp").await, place(&gateway, None, "lamp").await];
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 201));
    assert_ne!(first.body["id"], second.body["id"]);
    assert_eq!(second.header("idempotency-replayed"), "");
}

#[tokio::test]
async fn a_key_that_is_none_is_named() {
    let (_test, gateway) = system().await;
    for key in ["", "two words", &"k".repeat(129)] {
        let refused = place(&gateway, Some(key), "lamp").await;
        refused.is_problem(400, "request.wrong_type").names("Idempotency-Key");
    }
    assert_eq!(place(&gateway, Some(&"k".repeat(128)), "lamp").await.status, 201);
}

#[tokio::test]
async fn an_illegal_step_names_the_legal_ones() {
    let (_test, gateway) = system().await;
    let path = "/api/orders/0190d9c1-0000-7000-8000-000000000000/status";
    let request = gateway.request(Method::PUT, path).json(&json!({ "status": "shipped" }));
    let refused = send(request.bearer_auth(user_svc::token(Role::User))).await;
    refused.is_problem(409, "order.illegal_step");
    assert_eq!(refused.body["data"]["legal"], json!(["cancelled"]));
}
