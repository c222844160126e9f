//! Going on with a session, and ending it: at once, on every gateway.

use std::time::{Duration, Instant};

use e2e::{Client, Plan, System};
use mesh::testing::eventually;
use serde_json::json;

const PROFILE: &str = "/api/users/profile";

async fn two_gateways() -> System {
    System::start_as(Plan { gateways: 2, ..Plan::of_this_run() }, &[]).await
}

/// Within a second of now the client is refused on both gateways.
async fn is_out_within_a_second(system: &System, client: &Client) {
    let since = Instant::now();
    for nth in 0..2 {
        let there = client.at(&system.client_of(nth));
        eventually("access ends", async || (there.get(PROFILE).await.status == 401).then_some(()))
            .await;
    }
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
}

async fn is_in(system: &System, client: &Client) {
    for nth in 0..2 {
        let answer = client.at(&system.client_of(nth)).get(PROFILE).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

#[tokio::test]
async fn logging_out_ends_this_session_or_all_of_them() {
    let system = two_gateways().await;
    let anna = system.client().register("anna").await;
    let again = || system.client();
    let phone = again().login("anna@example.com", "correct horse").await;
    let laptop = again().login("anna@example.com", "correct horse").await;
    is_in(&system, &phone).await;
    assert_eq!(phone.post("/api/users/logout", &json!({})).await.status, 204);
    is_out_within_a_second(&system, &phone).await;
    is_in(&system, &laptop).await;
    assert_eq!(laptop.post("/api/users/logout?all=true", &json!({})).await.status, 204);
    is_out_within_a_second(&system, &laptop).await;
    is_out_within_a_second(&system, &anna).await;
}

#[tokio::test]
async fn disabling_an_account_or_changing_a_role_ends_access_at_once() {
    let system = two_gateways().await;
    let admin = system.admin().await;
    let anna = system.client().register("anna").await;
    let bert = system.client().register("bert").await;
    is_in(&system, &anna).await;
    let path = format!("/api/users/{}/status", anna.id);
    assert_eq!(admin.put(&path, &json!({ "status": "disabled" })).await.status, 200);
    is_out_within_a_second(&system, &anna).await;
    let login = json!({ "email": "anna@example.com", "password": "correct horse" });
    system.client().post("/api/users/login", &login).await.is_problem(403, "user.disabled");

    let path = format!("/api/users/{}/role", bert.id);
    assert_eq!(admin.put(&path, &json!({ "role": "admin" })).await.status, 200);
    is_out_within_a_second(&system, &bert).await;
    let bert = system.client().login("bert@example.com", "correct horse").await;
    assert_eq!(bert.get("/api/registry").await.status, 200);
    assert_eq!(admin.put(&path, &json!({ "role": "user" })).await.status, 200);
    is_out_within_a_second(&system, &bert).await;
}

#[tokio::test]
async fn a_password_change_ends_the_other_sessions() {
    let system = two_gateways().await;
    let anna = system.client().register("anna").await;
    let other = system.client().login("anna@example.com", "correct horse").await;
    let change = json!({ "current": "correct horse", "new": "another horse" });
    assert_eq!(anna.put("/api/users/password", &change).await.status, 204);
    is_out_within_a_second(&system, &other).await;
    is_in(&system, &anna).await;
    system.client().login("anna@example.com", "another horse").await;
}

#[tokio::test]
async fn a_stolen_refresh_token_ends_both_and_two_tabs_do_not() {
    let system = System::start().await;
    let nobody = system.client();
    nobody.register("anna").await;
    let login = json!({ "email": "anna@example.com", "password": "correct horse" });
    let first = nobody.post("/api/users/login", &login).await.body["refreshToken"].clone();
    let refresh = async |token: &serde_json::Value| {
        nobody.post("/api/users/refresh", &json!({ "refreshToken": token })).await
    };
    // Two tabs refresh at once: both go on.
    let (one, two) = tokio::join!(refresh(&first), refresh(&first));
    assert_eq!((one.status.as_u16(), two.status.as_u16()), (200, 200));
    let second = one.body["refreshToken"].clone();
    let third = refresh(&second).await.body["refreshToken"].clone();
    // The first has been replaced twice: whoever uses it now has stolen it.
    refresh(&first).await.is_problem(401, "user.session_ended");
    refresh(&third).await.is_problem(401, "user.session_ended");
    nobody
        .post("/api/users/refresh", &json!({ "refreshToken": "nonsense" }))
        .await
        .is_problem(401, "user.session_ended");
}
