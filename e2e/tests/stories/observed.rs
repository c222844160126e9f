//! What an operator sees, and what nobody must see.

use e2e::System;
use serde_json::json;

#[tokio::test]
async fn no_password_and_no_token_is_ever_logged() {
    let mut system = System::start_with(&[("LOG_LEVEL", "debug")]).await;
    let anna = system.client().register("anna").await;
    anna.get("/api/users/profile").await;
    // While user-svc is away, the broker hands the message back.
    system.stop_all("user-svc").await;
    let login = json!({ "email": "anna@example.com", "password": "correct horse" });
    system.client().post("/api/users/login", &login).await;
    let token = anna.token.clone().unwrap();
    for program in ["gateway", "user-svc"] {
        let log = system.log_of_all(program);
        assert!(!log.is_empty());
        for secret in ["correct horse", token.as_str()] {
            assert!(!log.contains(secret), "{program} logged {secret:?}");
        }
    }
}

#[tokio::test]
async fn one_request_is_one_line_in_each_log_under_one_trace_id() {
    let system = System::start().await;
    let anna = system.client().register("anna").await;
    let trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = anna
        .request(reqwest::Method::GET, "/api/users/profile")
        .header("traceparent", format!("00-{trace_id}-00f067aa0ba902b7-01"))
        .header("X-Request-Id", "request-of-anna");
    let answer = anna.send(request).await;
    assert_eq!(answer.headers["x-request-id"], "request-of-anna");
    let lines = |program: &str| {
        let log = system.log_of_all(program);
        log.lines().filter(|line| line.contains(trace_id)).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(lines("gateway").len(), 1, "{:?}", lines("gateway"));
    assert_eq!(lines("user-svc").len(), 1, "{:?}", lines("user-svc"));
    assert!(lines("gateway")[0].contains("request-of-anna"));
    assert!(lines("gateway")[0].contains(&anna.id));
}

#[tokio::test]
async fn the_registry_is_for_administrators_and_names_the_instances() {
    let system = System::start().await;
    let anna = system.client().register("anna").await;
    system.client().get("/api/registry").await.is_problem(401, "auth.no_token");
    anna.get("/api/registry").await.is_problem(403, "auth.forbidden");
    let admin = system.admin().await;
    let user_svc = admin.get("/api/registry/user-svc").await;
    assert_eq!(user_svc.status, 200, "{user_svc:?}");
    assert_eq!(user_svc.body["service"], "user-svc");
    let instances = user_svc.body["instances"].as_array().unwrap();
    assert_eq!(instances.len(), system.plan.instances);
    assert!(user_svc.body["methods"].as_array().unwrap().contains(&json!("user.register")));
    assert_eq!(admin.get("/api/registry/no-svc").await.status, 404);
}

#[tokio::test]
async fn the_metrics_tell_of_requests_and_calls() {
    let system = System::start().await;
    system.client().register("anna").await;
    let metrics = system.client().get("/metrics").await;
    let text = metrics.body.as_str().unwrap();
    for name in ["http_request_seconds", "mesh_call_seconds"] {
        assert!(text.contains(name), "{name} is missing:\n{text}");
    }
}
