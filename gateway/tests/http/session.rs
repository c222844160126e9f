//! The session of a browser: its cookie, and who may use it.

use gateway::GatewayConfig;
use mesh::testing::{PATIENCE, TestMesh};
use reqwest::Method;
use serde_json::json;

use crate::{
    ground::{Answer, Gateway, alone, send},
    user_svc::{self, PASSWORD},
};

const APP: &str = "https://app.example.org";

async fn system(config: GatewayConfig) -> (TestMesh, Gateway) {
    let test = TestMesh::start(&user_svc::manifests()).await;
    user_svc::start(test.join("user-svc").await).await;
    let mesh = test.join("gateway").await;
    assert!(mesh.sees("user-svc", PATIENCE).await);
    (test, Gateway::start(mesh, config))
}

async fn log_in(gateway: &Gateway, headers: &[(&str, &str)]) -> Answer {
    let body = json!({ "email": "anna@example.org", "password": PASSWORD });
    let request = gateway.request(Method::POST, "/api/session").json(&body);
    let with = |request: reqwest::RequestBuilder, header: &(&str, &str)| {
        request.header(header.0, header.1)
    };
    send(headers.iter().fold(request, with)).await
}

async fn ask(gateway: &Gateway, method: Method, cookie: &str) -> Answer {
    let request = gateway.request(method, "/api/session").header("Origin", own(gateway));
    send(request.header("Cookie", format!("other=1; warren_refresh={cookie}"))).await
}

fn own(gateway: &Gateway) -> String {
    format!("http://{}", gateway.addr)
}

#[tokio::test]
async fn the_refresh_token_stays_in_a_cookie_from_log_in_to_log_out() {
    let (_test, gateway) = system(GatewayConfig::default()).await;
    let opened = log_in(&gateway, &[("Origin", &own(&gateway))]).await;
    assert_eq!(opened.status, 200, "{opened:?}");
    assert_eq!(
        opened.header("set-cookie"),
        "warren_refresh=refresh-1; HttpOnly; SameSite=Strict; Path=/api/session; Max-Age=2592000"
    );
    assert!(!opened.body.to_string().contains("refresh"), "{opened:?}");
    assert_eq!(opened.body["tokenType"], "Bearer");

    let next = ask(&gateway, Method::PUT, "refresh-1").await;
    assert!(next.header("set-cookie").starts_with("warren_refresh=refresh-2; "), "{next:?}");
    assert!(next.body["accessToken"].is_string() && next.body["refreshToken"].is_null());
    ask(&gateway, Method::PUT, "stolen").await.is_problem(401, "user.session_ended");
    ask(&gateway, Method::PUT, "").await.is_problem(401, "auth.no_session");

    let closed = ask(&gateway, Method::DELETE, "refresh-2").await;
    assert_eq!(closed.status, 204);
    assert_eq!(
        closed.header("set-cookie"),
        "warren_refresh=; HttpOnly; SameSite=Strict; Path=/api/session; Max-Age=0"
    );
    let token = format!("Bearer {}", next.body["accessToken"].as_str().unwrap());
    mesh::testing::eventually("its access ends", async || {
        let request = gateway.request(Method::GET, "/api/users/me");
        let answer = send(request.header("Authorization", &token)).await;
        (answer.body["code"] == "auth.revoked_token").then_some(())
    })
    .await;
    assert_eq!(ask(&gateway, Method::DELETE, "").await.status, 204, "out is out");
}

#[tokio::test]
async fn the_cookie_is_for_tls_alone_where_there_is_tls() {
    let trusted_proxies = "127.0.0.0/8".parse().unwrap();
    let behind = GatewayConfig { trusted_proxies, ..GatewayConfig::default() };
    let (_test, gateway) = system(behind).await;
    let https = own(&gateway).replace("http", "https");
    let by_tls = [("Origin", https.as_str()), ("X-Forwarded-Proto", "https")];
    assert!(log_in(&gateway, &by_tls).await.header("set-cookie").contains("; Secure"));
    let plain = [("Origin", own(&gateway)), ("X-Forwarded-Proto", "https".to_owned())];
    let plain = plain.each_ref().map(|(name, value)| (*name, value.as_str()));
    log_in(&gateway, &plain).await.is_problem(403, "auth.foreign_origin");

    let always = GatewayConfig { cookie_secure: true, ..GatewayConfig::default() };
    let (_test, gateway) = system(always).await;
    let origin = own(&gateway);
    let believed = [("Origin", origin.as_str()), ("X-Forwarded-Proto", "http")];
    assert!(log_in(&gateway, &believed).await.header("set-cookie").contains("; Secure"));
    let (_test, gateway) = system(GatewayConfig::default()).await;
    let origin = own(&gateway);
    let strangers = [("Origin", origin.as_str()), ("X-Forwarded-Proto", "https")];
    assert!(!log_in(&gateway, &strangers).await.header("set-cookie").contains("Secure"));
}

#[tokio::test]
async fn only_pages_that_are_listed_may() {
    let origins = GatewayConfig { cors_origins: APP.parse().unwrap(), ..GatewayConfig::default() };
    let gateway = Gateway::start(alone(), origins);
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let from = |origin: Option<&'static str>| {
            let request = gateway.request(method.clone(), "/api/session");
            let request = request.header("Cookie", "warren_refresh=refresh-1");
            let login = json!({ "email": "anna@example.org", "password": PASSWORD });
            let request = request.json(&login);
            send(origin.into_iter().fold(request, |request, o| request.header("Origin", o)))
        };
        for foreign in [None, Some("https://evil.example.org"), Some("null"), Some("")] {
            from(foreign).await.is_problem(403, "auth.foreign_origin");
        }
        let allowed = from(Some(APP)).await;
        allowed.is_problem(503, "mesh.unavailable");
        assert_eq!(allowed.header("access-control-allow-origin"), APP);
        assert_eq!(allowed.header("access-control-allow-credentials"), "true");
    }
}
