//! How much one client gets.

use gateway::GatewayConfig;
use reqwest::Method;

use crate::ground::{Gateway, alone, send};

#[tokio::test]
async fn strangers_are_counted_by_address_and_told_so() {
    let config = GatewayConfig { rate_anon: 3, ..GatewayConfig::default() };
    let gateway = Gateway::start(alone(), config);
    for left in ["2", "1", "0"] {
        let answer = gateway.get("/api/users/me").await;
        answer.is_problem(401, "auth.no_token");
        let told = ["limit", "remaining"].map(|what| answer.header(&format!("ratelimit-{what}")));
        assert_eq!(told, ["3", left]);
    }
    let refused = gateway.get("/api/nothing").await;
    refused.is_problem(429, "rate.requests");
    assert_eq!(refused.header("retry-after"), "20");
    assert_eq!(refused.header("ratelimit-remaining"), "0");
    assert_eq!(refused.header("ratelimit-reset"), "60");
    let probe = gateway.get("/health/live").await;
    assert_eq!((probe.status.as_u16(), probe.header("ratelimit-limit")), (200, ""));
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_counts_for_itself() {
    let trusted_proxies = "127.0.0.0/8".parse().unwrap();
    let config = GatewayConfig { rate_anon: 1, trusted_proxies, ..GatewayConfig::default() };
    let gateway = Gateway::start(alone(), config);
    let from = |ip: &'static str| {
        send(gateway.request(Method::GET, "/api/users/me").header("X-Forwarded-For", ip))
    };
    for ip in ["192.0.2.1", "192.0.2.2", "2001:db8::1"] {
        from(ip).await.is_problem(401, "auth.no_token");
    }
    from("192.0.2.1").await.is_problem(429, "rate.requests");
    from("2001:db8::2").await.is_problem(429, "rate.requests");
}

#[tokio::test]
async fn log_ins_are_counted_by_address_whatever_the_account() {
    let config = GatewayConfig { rate_login: 2, ..GatewayConfig::default() };
    let gateway = Gateway::start(alone(), config);
    let login = async |email: &str| {
        let body = format!(r#"{{"email":"{email}","password":"x"}}"#);
        gateway.post("/api/users/login", body).await
    };
    login("a@example.org").await.is_problem(503, "mesh.unavailable");
    login("b@example.org").await.is_problem(503, "mesh.unavailable");
    login("c@example.org").await.is_problem(429, "rate.logins");
}

#[tokio::test]
async fn one_address_has_so_many_connections() {
    let config = GatewayConfig { max_connections_per_address: 1, ..GatewayConfig::default() };
    let gateway = Gateway::start(alone(), config);
    assert_eq!(gateway.get("/health/live").await.status, 200, "the first stays open");
    let second = reqwest::Client::builder().no_proxy().build().unwrap();
    let refused = send(second.get(format!("http://{}/health/live", gateway.addr))).await;
    refused.is_problem(429, "rate.connections");
    assert_eq!(gateway.get("/health/live").await.status, 200);
}
