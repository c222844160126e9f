//! Who is alive, and how soon one knows.

use std::time::{Duration, Instant};

use mesh::{
    FailureKind, Presence,
    testing::{PATIENCE, TestMesh, eventually},
};

use crate::vocabulary::{Sleep, front, hello, manifests, start_echo, start_relay};

#[tokio::test]
async fn an_instance_that_starts_is_seen_with_what_it_answers() {
    let test = TestMesh::start(&manifests()).await;
    let front = test.join("front").await;
    let echo = start_echo(&test).await;
    assert!(front.sees("echo-svc", PATIENCE).await);
    let seen = front.registry().instances("echo-svc");
    assert_eq!(seen[0].announcement.instance, echo.mesh.identity().instance);
    assert!(seen[0].announcement.contracts.contains_key("echo.say"));
    assert!(seen[0].clock_skew_ms.abs() < 250, "{} ms", seen[0].clock_skew_ms);
}

#[tokio::test]
async fn one_who_comes_later_asks_and_sees_all_at_once() {
    let test = TestMesh::start(&manifests()).await;
    let _services = (start_echo(&test).await, start_echo(&test).await, start_relay(&test).await);
    let front = front(&test).await;
    eventually("all instances are seen", async || {
        let registry = front.registry();
        let all = (registry.instances("echo-svc").len(), registry.instances("relay-svc").len());
        (all == (2, 1)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_killed_instance_is_found_out_by_the_first_call_that_waits() {
    let test = TestMesh::start(&manifests()).await;
    let echo = start_echo(&test).await;
    let front = front(&test).await;
    front.call(hello()).await.unwrap();
    echo.kill(&test).await;
    let asked = Instant::now();
    let waiting = {
        let front = front.clone();
        tokio::spawn(async move { front.call(hello()).await })
    };
    eventually("the registry knows", async || {
        (front.registry().presence("echo-svc") == Presence::Gone).then_some(())
    })
    .await;
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    // New calls know at once; the one in the queue is answered by whoever comes back.
    let refused = Instant::now();
    let error = front.call(hello()).await.unwrap_err();
    assert_eq!(error.failure().unwrap().kind, FailureKind::NoResponder);
    assert!(refused.elapsed() < Duration::from_millis(500), "{:?}", refused.elapsed());
    let _echo = start_echo(&test).await;
    assert_eq!(waiting.await.unwrap().unwrap(), "hello");
}

#[tokio::test]
async fn what_a_killed_instance_had_begun_is_done_by_another() {
    let test = TestMesh::start(&manifests()).await;
    let first = start_echo(&test).await;
    let front = front(&test).await;
    let asked = {
        let front = front.clone();
        tokio::spawn(async move { front.call(Sleep { ms: 400 }).await })
    };
    eventually("it is being handled", async || {
        (first.mesh.requests_in_flight() == 1).then_some(())
    })
    .await;
    let _second = start_echo(&test).await;
    first.kill(&test).await;
    assert_eq!(asked.await.unwrap().unwrap(), 400);
}

#[tokio::test]
async fn nobody_believes_a_forged_announcement() {
    use lapin::{BasicProperties, options::BasicPublishOptions};
    let test = TestMesh::start(&manifests()).await;
    let front = test.join("front").await;
    let admin = test.raw(test.management().user(), test.management().password()).await;
    let channel = admin.create_channel().await.unwrap();
    let forged = serde_json::json!({
        "service": "echo-svc", "instance": "aaaaaaaaaa", "version": "1", "startedAt": 0,
        "clock": 0, "contracts": {}, "counters": {},
    })
    .to_string();
    let publish = channel.basic_publish(
        "mesh.control".into(),
        "announce.echo-svc.aaaaaaaaaa".into(),
        BasicPublishOptions::default(),
        forged.as_bytes(),
        BasicProperties::default(),
    );
    publish.await.unwrap().await.unwrap();
    // Announcements are heard in order: once the true one is there, the forged one was refused.
    let _echo = start_echo(&test).await;
    assert!(front.sees("echo-svc", PATIENCE).await);
    assert_eq!(front.registry().instances("echo-svc").len(), 1);
}
