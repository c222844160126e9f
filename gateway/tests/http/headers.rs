//! The headers of every answer, and methods and paths that there are not.

use gateway::GatewayConfig;
use reqwest::Method;

use crate::ground::{Answer, Gateway, alone, send};

#[tokio::test]
async fn every_answer_bears_what_keeps_browsers_safe() {
    let gateway = Gateway::alone();
    for path in ["/health/live", "/api/users/profile", "/api/nothing", "/nothing", "/metrics"] {
        let answer = gateway.get(path).await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answer.header(name), value, "{path}: {name}");
        }
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
        assert!(
            !answer.header("x-request-id").is_empty() && answer.header("traceparent").len() == 55
        );
    }
}

#[tokio::test]
async fn a_clients_request_id_and_trace_come_back() {
    let gateway = Gateway::alone();
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let request = gateway.request(Method::GET, "/api/users/me").header("X-Request-Id", "mine-7");
    let answer = send(request.header("traceparent", parent)).await;
    assert_eq!(answer.is_problem(401, "auth.no_token").body["requestId"], "mine-7");
    let trace = answer.header("traceparent");
    assert!(trace.contains("4bf92f3577b34da6a3ce929d0e0e4736") && trace != parent, "{trace}");
}

#[tokio::test]
async fn other_paths_and_methods_are_answered_by_name() {
    let gateway = Gateway::alone();
    for path in ["/", "/nothing", "/api", "/api/nothing", "/api/users/me/more", "/api/docs/none"] {
        gateway.get(path).await.is_problem(404, "request.no_such_path");
    }
    for (method, path, allow) in [
        (Method::DELETE, "/api/users/me", "GET, HEAD, PUT"),
        (Method::GET, "/api/users/login", "POST"),
        (Method::POST, "/health", "GET, HEAD"),
        (Method::OPTIONS, "/api/users", "GET, HEAD"),
        (Method::from_bytes(b"ODD").unwrap(), "/metrics", "GET, HEAD"),
    ] {
        let answer = send(gateway.request(method, path)).await;
        assert_eq!(answer.is_problem(405, "request.method").header("allow"), allow, "{path}");
    }
    let head = send(gateway.request(Method::HEAD, "/health/live")).await;
    assert_eq!((head.status.as_u16(), head.body), (200, "".into()));
    assert!(head.headers["content-length"] != "0");
}

#[tokio::test]
async fn odd_ids_queries_and_timeouts_are_named() {
    let gateway = Gateway::alone();
    let token = format!("Bearer {}", crate::user_svc::token(common_messages::user::Role::User));
    // Who asks comes first: without user-svc nobody can tell.
    let unknown = send(gateway.request(Method::GET, "/api/users/x").header("Authorization", token));
    unknown.await.is_problem(503, "mesh.unavailable");
    for timeout in ["soon", "0", "-5"] {
        let request = gateway.request(Method::POST, "/api/users/verify");
        let answer = send(request.header("X-Request-Timeout", timeout)).await;
        answer.is_problem(400, "request.wrong_type").names("X-Request-Timeout");
    }
}

async fn preflight(gateway: &Gateway, origin: &str) -> Answer {
    let request = gateway.request(Method::OPTIONS, "/api/users/me").header("Origin", origin);
    let request = request.header("Access-Control-Request-Method", "PUT");
    send(request.header("Access-Control-Request-Headers", "authorization,content-type")).await
}

#[tokio::test]
async fn only_listed_origins_may_read_answers() {
    const APP: &str = "https://app.example.org";
    let origins = GatewayConfig { cors_origins: APP.parse().unwrap(), ..GatewayConfig::default() };
    let gateway = Gateway::start(alone(), origins);
    let allowed = preflight(&gateway, APP).await;
    assert_eq!(allowed.status, 200, "{allowed:?}");
    assert_eq!(allowed.header("access-control-allow-origin"), APP);
    assert!(allowed.header("access-control-allow-methods").contains("PUT"));
    let refused = preflight(&gateway, "https://evil.example.org").await;
    refused.is_problem(400, "request.bad");
    assert_eq!(refused.header("access-control-allow-origin"), "");
    let request = gateway.request(Method::GET, "/api/users/me").header("Origin", APP);
    let told = send(request).await;
    told.is_problem(401, "auth.no_token");
    assert_eq!(told.header("access-control-allow-origin"), APP);

    let closed = preflight(&Gateway::alone(), APP).await;
    assert_eq!(closed.is_problem(405, "request.method").header("access-control-allow-origin"), "");
}
