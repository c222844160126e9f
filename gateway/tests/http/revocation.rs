//! Sessions that end, and access that ends with them.

use std::time::{Duration, Instant};

use chrono::Utc;
use common_messages::user::{RevokedSession, Role};
use gateway::GatewayConfig;
use mesh::testing::{PATIENCE, TestMesh, eventually};
use reqwest::Method;

use crate::{
    ground::{Answer, Gateway, send},
    user_svc::{self, Sessions, claims, token},
};

async fn profile(gateway: &Gateway, token: &str) -> Answer {
    let request = gateway.request(Method::GET, "/api/users/profile");
    send(request.header("Authorization", format!("Bearer {token}"))).await
}

async fn gateway(test: &TestMesh) -> Gateway {
    let mesh = test.join("gateway").await;
    assert!(mesh.sees("user-svc", PATIENCE).await);
    Gateway::start(mesh, patient())
}

fn patient() -> GatewayConfig {
    GatewayConfig { rate_anon: 100_000, rate_user: 100_000, ..GatewayConfig::default() }
}

async fn system() -> (TestMesh, Sessions) {
    let test = TestMesh::start(&user_svc::manifests()).await;
    let sessions = user_svc::start(test.join("user-svc").await).await;
    (test, sessions)
}

fn revoke_without_a_word(sessions: &Sessions) {
    let ended = RevokedSession { id: claims(Role::User).sid, at: Utc::now() };
    sessions.lock().unwrap().push(ended);
}

async fn is_refused(gateway: &Gateway, token: &str) {
    let refused = eventually("the token is refused", async || {
        let answer = profile(gateway, token).await;
        (answer.status != 200 && answer.status != 503).then_some(answer)
    });
    let refused = refused.await;
    refused.is_problem(401, "auth.revoked_token");
    assert_eq!(refused.header("www-authenticate"), "Bearer error=\"invalid_token\"");
}

#[tokio::test]
async fn a_log_out_ends_access_on_every_gateway_within_a_second() {
    let (test, _sessions) = system().await;
    let gateways = [gateway(&test).await, gateway(&test).await];
    let (token, other) = (token(Role::User), token(Role::User));
    for gateway in &gateways {
        assert_eq!(profile(gateway, &token).await.status, 200);
    }
    let logout = gateways[0].request(Method::POST, "/api/users/logout");
    let answer = send(logout.header("Authorization", format!("Bearer {token}"))).await;
    assert_eq!((answer.status.as_u16(), answer.body), (204, "".into()));
    let started = Instant::now();
    for gateway in &gateways {
        is_refused(gateway, &token).await;
        is_refused(gateway, &other).await;
    }
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    for gateway in gateways {
        gateway.stop().await;
    }
}

#[tokio::test]
async fn what_ended_before_the_start_is_asked_for() {
    let (test, sessions) = system().await;
    revoke_without_a_word(&sessions);
    let gateway = gateway(&test).await;
    is_refused(&gateway, &token(Role::User)).await;
}

#[tokio::test]
async fn what_ended_while_the_broker_was_away_is_asked_for() {
    let (test, sessions) = system().await;
    let gateway = gateway(&test).await;
    let token = token(Role::User);
    assert_eq!(profile(&gateway, &token).await.status, 200);
    let connections = test.listed_connections(4).await;
    revoke_without_a_word(&sessions);
    test.cut(&connections).await;
    is_refused(&gateway, &token).await;
}

#[tokio::test]
async fn what_ended_while_user_svc_was_away_is_asked_for_when_it_is_back() {
    let test = TestMesh::start(&user_svc::manifests()).await;
    let gateway = Gateway::start(test.join("gateway").await, patient());
    let sessions = user_svc::start(test.join("user-svc").await).await;
    revoke_without_a_word(&sessions);
    is_refused(&gateway, &token(Role::User)).await;
}
