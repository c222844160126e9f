//! Placing orders, following them, and keeping out of other people's.

use std::time::Duration;

use e2e::{Answer, Client, System};
use futures::future::join_all;
use mesh::testing::eventually;
use reqwest::{Method, header::HeaderName};
use serde_json::{Value, json};

async fn place(client: &Client, key: &str, body: &Value) -> Answer {
    let request = client.request(Method::POST, "/api/orders").json(body);
    client.send(request.header("Idempotency-Key", key)).await
}

fn lamp() -> Value {
    json!({ "product": "lamp", "quantity": 3, "price": 29.99 })
}

#[tokio::test]
async fn an_order_is_placed_listed_and_goes_its_way() {
    let system = System::start().await;
    let anna = system.client().register("anna").await;
    let placed = place(&anna, "k", &lamp()).await;
    assert_eq!(placed.status, 201, "{placed:?}");
    let id = placed.body["id"].as_str().unwrap();
    assert_eq!(placed.headers["location"], format!("/api/orders/{id}"));
    assert_eq!(placed.body["total"], json!(89.97));
    assert_eq!(
        (&placed.body["currency"], &placed.body["status"]),
        (&json!("EUR"), &json!("pending"))
    );
    assert_eq!(anna.get(&format!("/api/orders/{id}")).await.body, placed.body);
    assert_eq!(anna.get("/api/orders?status=pending").await.body["items"], json!([placed.body]));
    assert_eq!(anna.get("/api/orders?status=shipped").await.body["items"], json!([]));

    let status = format!("/api/orders/{id}/status");
    let admin = system.admin().await;
    let illegal = admin.put(&status, &json!({ "status": "delivered" })).await;
    illegal.is_problem(409, "order.illegal_step");
    assert_eq!(illegal.body["data"]["legal"], json!(["confirmed", "cancelled"]));
    let confirm = json!({ "status": "confirmed" });
    anna.put(&status, &confirm).await.is_problem(403, "order.forbidden");
    for _ in 0..2 {
        let confirmed = admin.put(&status, &confirm).await;
        assert_eq!(
            (confirmed.status.as_u16(), &confirmed.body["status"]),
            (200, &json!("confirmed"))
        );
    }
    let cancelled = anna.put(&status, &json!({ "status": "cancelled" })).await;
    assert_eq!(cancelled.body["status"], "cancelled", "{cancelled:?}");
    let history = anna.get(&format!("/api/orders/{id}/history")).await;
    let way: Vec<_> = history.body["items"].as_array().unwrap().iter().map(|s| &s["to"]).collect();
    assert_eq!(way, ["pending", "confirmed", "cancelled"]);
}

#[tokio::test]
async fn a_retried_order_is_created_once() {
    let system = System::start().await;
    let anna = system.client().register("anna").await;
    let body = lamp();
    let answers = join_all((0..10).map(|_| place(&anna, "k", &body))).await;
    let replayed = HeaderName::from_static("idempotency-replayed");
    for answer in &answers {
        assert_eq!((answer.status.as_u16(), &answer.body), (201, &answers[0].body));
        assert_eq!(answer.headers["location"], answers[0].headers["location"]);
    }
    assert_eq!(answers.iter().filter(|a| !a.headers.contains_key(&replayed)).count(), 1);
    assert_eq!(anna.get("/api/orders").await.body["items"].as_array().unwrap().len(), 1);
    let other = json!({ "product": "desk", "price": 1 });
    place(&anna, "k", &other).await.is_problem(422, "mesh.key_reused");
}

#[tokio::test]
async fn other_peoples_orders_do_not_exist() {
    let system = System::start().await;
    let anna = system.client().register("anna").await;
    let bert = system.client().register("bert").await;
    let placed = place(&anna, "k", &lamp()).await;
    let path = format!("/api/orders/{}", placed.body["id"].as_str().unwrap());
    bert.get(&path).await.is_problem(404, "order.not_found");
    bert.get(&format!("{path}/history")).await.is_problem(404, "order.not_found");
    let cancel = json!({ "status": "cancelled" });
    bert.put(&format!("{path}/status"), &cancel).await.is_problem(404, "order.not_found");
    let hers = format!("/api/orders?userId={}", anna.id);
    bert.get(&hers).await.is_problem(403, "order.forbidden");
    assert_eq!(bert.get("/api/orders").await.body["items"], json!([]));
    // The same key is another caller's key.
    assert_eq!(place(&bert, "k", &json!({ "product": "desk", "price": 1 })).await.status, 201);
    let seen = system.admin().await.get(&hers).await;
    assert_eq!(seen.body["items"], json!([placed.body]));
    for verb in [Method::GET, Method::PUT, Method::POST, Method::DELETE] {
        let nobody = system.client();
        let answer = nobody.send(nobody.request(verb, &path)).await;
        assert!([401, 405].contains(&answer.status.as_u16()), "{answer:?}");
    }
}

#[tokio::test]
async fn who_is_known_orders_while_user_svc_is_away() {
    let mut system = System::start().await;
    let known = system.client().register("known").await;
    let unknown = system.client().register("unknown").await;
    for n in 0..10 {
        // Every instance of order-svc gets to know her.
        assert_eq!(place(&known, &format!("{n}"), &lamp()).await.status, 201);
    }
    system.stop_all("user-svc").await;
    assert_eq!(place(&known, "away", &lamp()).await.status, 201);
    // order-svc has to hear of the leaving first, which takes it a moment.
    eventually("order-svc knows that user-svc is away", async || {
        let request = unknown.request(Method::POST, "/api/orders").json(&lamp());
        let answer = unknown.send(request.header("X-Request-Timeout", 500)).await;
        (answer.body["code"] == "mesh.no_responder").then_some(())
    })
    .await;
    let told = place(&unknown, "k", &lamp()).await;
    told.is_problem(503, "mesh.no_responder");
    assert_eq!(told.body["service"], "user-svc");
    assert!(told.took < Duration::from_secs(1), "{:?}", told.took);
    for name in system.instances_of("user-svc") {
        system.run(&name);
    }
    eventually("all is well again", async || {
        (place(&unknown, "k", &lamp()).await.status == 201).then_some(())
    })
    .await;
}

#[tokio::test]
async fn orders_that_break_a_rule() {
    let system = System::start().await;
    let anna = system.client().register("anna").await;
    for (body, status, field) in [
        (json!({ "price": 1 }), 400, "product"),
        (json!({ "product": "x" }), 400, "price"),
        (json!({ "product": 1, "price": 1 }), 400, "product"),
        (json!({ "product": "x", "price": "1" }), 400, "price"),
        (json!({ "product": "x", "price": 29.999 }), 400, "price"),
        (json!({ "product": "x", "price": 1, "quantity": 1.5 }), 400, "quantity"),
        (json!({ "product": "x", "price": 1, "quantity": -1 }), 400, "quantity"),
        (json!({ "product": "", "price": 1 }), 422, "product"),
        (json!({ "product": "x".repeat(300), "price": 1 }), 422, "product"),
        (json!({ "product": "x", "price": -1 }), 422, "price"),
        (json!({ "product": "x", "price": 1, "quantity": 0 }), 422, "quantity"),
        (json!({ "product": "x", "price": 99_999_999_999_i64, "quantity": 2 }), 422, "quantity"),
        (json!({ "product": "x", "price": 1, "currency": "XYZ" }), 422, "currency"),
        (json!({ "product": "x", "price": 1, "currency": "eur" }), 422, "currency"),
        (json!({ "product": "x", "price": 1, "reference": "" }), 422, "reference"),
        (json!({ "product": "x\u{0}", "price": 1 }), 422, "product"),
    ] {
        let answer = anna.post("/api/orders", &body).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        answer.names(field);
    }
    for key in ["x".repeat(129), "with\u{e9}".to_owned()] {
        let request = anna.request(Method::POST, "/api/orders").json(&lamp());
        let answer = anna.send(request.header("Idempotency-Key", key)).await;
        assert!([400, 422].contains(&answer.status.as_u16()), "{answer:?}");
    }
    let first = json!({ "product": "x", "price": 1, "reference": "mine" });
    assert_eq!(anna.post("/api/orders", &first).await.status, 201);
    anna.post("/api/orders", &first).await.is_problem(409, "order.reference_taken");
    let alias = json!({ "title": "x", "price": 1, "orderReference": "other" });
    assert_eq!(anna.post("/api/orders", &alias).await.body["reference"], "other");
    assert_eq!(anna.get("/api/orders/not-an-id").await.status, 400);
    let nothing = "/api/orders/0190d9c1-0000-7000-8000-000000000000";
    anna.get(nothing).await.is_problem(404, "order.not_found");
}
