//! What clients see while a part of the system is away.

use std::time::{Duration, Instant};

use e2e::System;
use mesh::testing::eventually;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn the_only_user_svc_is_killed_and_comes_back() {
    let mut system = System::start().await;
    let anna = system.client().register("anna").await;
    let profile = |wait_ms: u32| {
        let anna = anna.clone();
        tokio::spawn(async move {
            let request = anna.request(Method::GET, "/api/users/profile");
            anna.send(request.header("X-Request-Timeout", wait_ms)).await
        })
    };
    assert_eq!(profile(5000).await.unwrap().status, 200);
    system.kill_all("user-svc");
    let killed = Instant::now();
    let waiting = profile(20_000);

    // Within a second new calls are told that nobody is there, and who.
    let told = eventually("new calls are told", async || {
        let answer = profile(900).await.unwrap();
        (answer.status == 503).then_some(answer)
    })
    .await;
    told.is_problem(503, "mesh.no_responder");
    assert_eq!(told.body["service"], "user-svc");
    assert!(told.headers.contains_key("retry-after"), "{told:?}");
    assert!(killed.elapsed() < Duration::from_secs(2), "{:?}", killed.elapsed());
    let told = profile(5000).await.unwrap();
    assert!(told.took < Duration::from_secs(1), "{:?}", told.took);

    let health = anna.get("/health").await;
    assert_eq!(health.body["status"], "degraded");
    assert_eq!(health.body["services"]["user"]["instances"], 0);

    // The call that waits in the queue is answered by the one who comes back.
    if waiting.is_finished() {
        panic!("{:?}\n{}", waiting.await, system.log("gateway"));
    }
    for name in system.instances_of("user-svc") {
        system.run(&name);
    }
    let answered = waiting.await.unwrap();
    assert_eq!(answered.status, 200, "{answered:?}\n{}", system.log("user-svc"));
    system.is_healthy().await;
}

#[tokio::test]
async fn a_gateway_without_a_broker_says_so_at_once() {
    let mut system = System::start().await;
    let anna = system.client().register("anna").await;
    system.stop("gateway").await;
    system.set("AMQP_URL", "amqp://127.0.0.1:1");
    system.run("gateway");
    let client = system.client();
    eventually("the gateway is up", async || {
        client.try_send(client.request(Method::GET, "/health/live")).await.ok()
    })
    .await;
    assert_eq!(client.get("/health/ready").await.status, 503);
    assert_eq!(client.get("/health").await.body["status"], "down");
    let login = json!({ "email": "anna@example.com", "password": "correct horse" });
    let answer = client.post("/api/users/login", &login).await;
    answer.is_problem(503, "mesh.unavailable");
    assert!(answer.took < Duration::from_secs(2), "{:?}", answer.took);
    let answer = anna.get("/api/users/profile").await;
    assert_eq!(answer.status, 503, "{answer:?}");
}

#[tokio::test]
async fn both_stop_cleanly_when_asked() {
    let mut system = System::start().await;
    for program in system.names().into_iter().rev() {
        let ended = system.stop(&program).await.expect("it ends in time");
        assert!(ended.success(), "{program}: {ended:?}\n{}", system.log(&program));
    }
}
