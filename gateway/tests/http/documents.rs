//! The OpenAPI document: fresh, true, and there to be read.

use std::{fs, path::Path};

use gateway::{asyncapi, openapi};
use reqwest::Method;
use serde_json::Value;

use crate::ground::{Gateway, send};

#[test]
fn the_committed_document_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/api/openapi.json");
    let committed = fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == openapi::to_json(),
        "docs/api/openapi.json is stale: cargo run -p gateway --bin openapi > docs/api/openapi.json"
    );
}

#[test]
fn the_committed_document_of_messages_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/api/asyncapi.json");
    let committed = fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == asyncapi::to_json().unwrap(),
        "docs/api/asyncapi.json is stale: \
         cargo run -p gateway --bin asyncapi > docs/api/asyncapi.json"
    );
}

/// What `#/a/b` leads to.
fn follow<'a>(document: &'a Value, reference: &str) -> Option<&'a Value> {
    let mut path = reference.strip_prefix("#/")?.split('/');
    path.try_fold(document, |place, word| place.get(word))
}

fn check_references(document: &Value, place: &Value) {
    match place {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                assert!(follow(document, reference).is_some(), "{reference} leads nowhere");
            }
            fields.values().for_each(|field| check_references(document, field));
        }
        Value::Array(items) => items.iter().for_each(|item| check_references(document, item)),
        _ => {}
    }
}

#[tokio::test]
async fn the_document_of_messages_has_every_route_and_event() {
    let document = Gateway::alone().get("/api/asyncapi.json").await.body;
    assert_eq!(document["asyncapi"], "3.0.0");
    check_references(&document, &document);
    for member in common_messages::services::all().unwrap().iter() {
        for route in member.answers.keys() {
            let operation = &document["operations"][route];
            assert_eq!(
                (&operation["action"], &operation["x-service"]),
                (&"receive".into(), &member.name.into())
            );
            assert_eq!(operation["reply"]["messages"].as_array().unwrap().len(), 2, "{route}");
        }
        for key in member.hears.keys() {
            let heard = &document["operations"][key]["x-subscribers"];
            assert!(heard.as_array().unwrap().contains(&member.name.into()), "{key}: {heard}");
        }
        for key in member.hears_each.keys() {
            let heard = &document["operations"][key]["x-subscribers-each-instance"];
            assert!(heard.as_array().unwrap().contains(&member.name.into()), "{key}: {heard}");
        }
    }
}

#[tokio::test]
async fn every_documented_operation_is_there() {
    let gateway = Gateway::alone();
    let document: Value = serde_json::from_str(&openapi::to_json()).unwrap();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let path = path.replace("{id}", "0190d9c1-0000-7000-8000-000000000000");
            let method: Method = method.to_uppercase().parse().unwrap();
            let answer = send(gateway.request(method.clone(), &path)).await;
            let status = answer.status.as_str();
            assert!(operation["responses"][status].is_object(), "{method} {path}: {answer:?}");
            assert_ne!(answer.body["code"], "request.no_such_path", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn the_page_and_the_document_are_served() {
    let gateway = Gateway::alone();
    let document = gateway.get("/api/openapi.json").await;
    assert_eq!(document.body["openapi"], "3.1.0");
    assert_eq!(gateway.get("/api/docs").await.header("location"), "/api/docs/");
    let page = gateway.get("/api/docs/").await;
    let html = page.body.as_str().unwrap();
    assert!(html.contains("swagger-initializer.js") && !html.contains("<script>"), "{html}");
    let policy = page.header("content-security-policy");
    assert!(policy.contains("script-src 'self'") && !policy.contains("script-src 'unsafe"));
    let start = gateway.get("/api/docs/swagger-initializer.js").await;
    assert!(start.header("content-type").contains("javascript"));
    assert!(start.body.as_str().unwrap().contains("/api/openapi.json"));
}
