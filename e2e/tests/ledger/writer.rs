//! A client that does not give up: it asks again with the same key until it is told 201.

use std::{sync::Arc, time::Duration};

use e2e::Client;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::book::Book;

/// Places so many orders at least, and goes on until the chaos ends. Each order is asked for once
/// more, at the other gateway, and must be answered alike.
pub async fn place_orders(
    nth: usize,
    at_least: usize,
    gateways: [Client; 2],
    book: Arc<Book>,
    chaos_ends: watch::Receiver<bool>,
) {
    let mut placed = 0;
    while placed < at_least || !*chaos_ends.borrow() {
        let key = format!("order-{nth}-{placed}");
        book.sent(&key);
        let first = place(&gateways[placed % 2], &gateways[(placed + 1) % 2], &key).await;
        book.answered(&key, first["id"].as_str().unwrap());
        let again = place(&gateways[(placed + 1) % 2], &gateways[placed % 2], &key).await;
        book.answered(&key, again["id"].as_str().unwrap());
        assert_eq!(first, again, "two answers to one key");
        placed += 1;
    }
}

/// Until it is told 201, at one gateway or the other.
async fn place(one: &Client, other: &Client, key: &str) -> Value {
    for gateway in [one, other].into_iter().cycle() {
        let body = json!({ "product": key, "price": 29.99, "quantity": 3 });
        let request = gateway.request(Method::POST, "/api/orders").json(&body);
        let answer = gateway.try_send(request.header("Idempotency-Key", key)).await;
        match answer {
            Ok(answer) if answer.status == 201 => return answer.body,
            Ok(answer) if [502, 503, 504].contains(&answer.status.as_u16()) => {}
            Ok(answer) => panic!("{key}: {answer:?}"),
            // The gateway is not there just now.
            Err(_) => {}
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    unreachable!("the cycle has no end")
}

/// All orders of `owner`, page by page.
pub async fn all_orders(owner: &Client) -> Vec<Value> {
    let mut orders = Vec::new();
    let mut path = "/api/orders?limit=100".to_owned();
    loop {
        let page = owner.get(&path).await;
        assert_eq!(page.status, 200, "{page:?}");
        orders.extend(page.body["items"].as_array().unwrap().iter().cloned());
        match page.body["nextCursor"].as_str() {
            Some(cursor) => path = format!("/api/orders?limit=100&cursor={cursor}"),
            None => return orders,
        }
    }
}
