//! Every way in which a call can fail, and how soon the caller is told.

use std::time::{Duration, Instant};

use mesh::{
    BreakerState, CallError, Failure, FailureKind, Mesh, MeshConfig, Request,
    testing::{TestMesh, eventually},
};

use crate::vocabulary::{
    Panic, Relay, Sleep, SleepOnce, Who, anna, front, hello, manifests, start_echo,
    start_echo_with, start_relay,
};

/// What is known at once must be told well inside the deadline of 5 s.
const AT_ONCE: Duration = Duration::from_secs(1);

async fn failure<R: Request>(mesh: &Mesh, request: R) -> (Failure, Duration) {
    let asked = Instant::now();
    match mesh.call(request).await {
        Err(CallError::Failed(failure)) => (failure, asked.elapsed()),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was answered"),
    }
}

fn is(failure: &Failure, kind: FailureKind, unknown: bool) {
    assert_eq!((failure.kind, failure.service.as_str()), (kind, "echo-svc"), "{failure}");
    assert_eq!(failure.outcome_unknown, unknown, "{failure}");
}

#[tokio::test]
async fn nobody_there() {
    let test = TestMesh::start(&manifests()).await;
    let front = test.join("front").await;
    eventually("everybody could have spoken", async || {
        (front.registry().presence("echo-svc") == mesh::Presence::Gone).then_some(())
    })
    .await;
    let (failure, took) = failure(&front, hello()).await;
    is(&failure, FailureKind::NoResponder, false);
    assert!(took < AT_ONCE, "{took:?}");
}

#[tokio::test]
async fn no_queue_at_all() {
    let test = TestMesh::start(&manifests()).await;
    let front = test.join("front").await;
    test.management().delete(&format!("queues/{}/echo-svc", test.vhost())).await;
    let (failure, took) = failure(&front, hello()).await;
    is(&failure, FailureKind::NoResponder, false);
    assert!(took < AT_ONCE, "{took:?}");
}

#[tokio::test]
async fn queue_full() {
    let test = TestMesh::start(&manifests()).await;
    let short = serde_json::json!({
        "pattern": "^echo-svc$", "apply-to": "queues", "priority": 99,
        "definition": { "max-length": 1, "overflow": "reject-publish" },
    });
    test.management().put(&format!("policies/{}/short", test.vhost()), &short).await;
    let config = MeshConfig { prefetch: 1, ..test.config() };
    let _echo = start_echo_with(&test, config).await;
    let front = front(&test).await;
    let busy = eventually("the queue is full", async || {
        // One is handled, one waits, and for the rest there is no room.
        let asked = (0..8).map(|_| async {
            let started = Instant::now();
            let answer = front.call(Sleep { ms: 600 }).within(Duration::from_millis(500)).await;
            (answer, started.elapsed())
        });
        let answers = futures::future::join_all(asked).await;
        answers.into_iter().find_map(|(answer, took)| match answer {
            Err(CallError::Failed(failure)) if failure.kind == FailureKind::Busy => {
                Some((failure, took))
            }
            _ => None,
        })
    })
    .await;
    is(&busy.0, FailureKind::Busy, false);
    assert!(busy.1 < AT_ONCE, "{:?}", busy.1);
}

#[tokio::test]
async fn bulkhead_full() {
    let test = TestMesh::start(&manifests()).await;
    let _echo = start_echo(&test).await;
    let config = MeshConfig { bulkhead: 2, tries: 1, ..test.config() };
    let front = test.join_with("front", config).await;
    assert!(front.sees("echo-svc", mesh::testing::PATIENCE).await);
    let slow = async || front.call(Sleep { ms: 800 }).await;
    let third = async {
        eventually("two are under way", async || (front.calls_in_flight() == 2).then_some(()))
            .await;
        failure(&front, hello()).await
    };
    let (one, two, (failure, took)) = tokio::join!(slow(), slow(), third);
    is(&failure, FailureKind::Busy, false);
    assert!(took < Duration::from_millis(100), "{took:?}");
    assert_eq!((one.unwrap(), two.unwrap()), (800, 800));
}

#[tokio::test]
async fn the_handler_panics_and_costs_nothing_but_its_own_call() {
    let test = TestMesh::start(&manifests()).await;
    let config = MeshConfig { prefetch: 1, ..test.config() };
    let _echo = start_echo_with(&test, config).await;
    let front = front(&test).await;
    for _ in 0..3 {
        let (failure, took) = failure(&front, Panic {}).await;
        is(&failure, FailureKind::Broken, true);
        assert!(took < AT_ONCE, "{took:?}");
        assert!(failure.detail.parse::<uuid::Uuid>().is_ok(), "no id to look for: {failure}");
    }
    assert_eq!(front.call(hello()).await.unwrap(), "hello");
}

#[tokio::test]
async fn breaker_open_and_closed_again() {
    let test = TestMesh::start(&manifests()).await;
    let _echo = start_echo(&test).await;
    let config = MeshConfig { breaker_failures: 3, ..test.config() };
    let front = test.join_with("front", config).await;
    assert!(front.sees("echo-svc", mesh::testing::PATIENCE).await);
    for _ in 0..3 {
        is(&failure(&front, Panic {}).await.0, FailureKind::Broken, true);
    }
    assert_eq!(front.breaker("echo-svc"), Some((BreakerState::Open, 3)));
    let (open, took) = failure(&front, hello()).await;
    is(&open, FailureKind::CircuitOpen, false);
    assert!(took < Duration::from_millis(50), "{took:?}");
    eventually("it is tried again", async || front.call(hello()).await.ok()).await;
    assert_eq!(front.breaker("echo-svc"), Some((BreakerState::Closed, 0)));
}

#[tokio::test]
async fn deadline() {
    let test = TestMesh::start(&manifests()).await;
    let _echo = start_echo(&test).await;
    let front = front(&test).await;
    let asked = Instant::now();
    let limit = Duration::from_millis(300);
    let error = front.call(Sleep { ms: 2000 }).within(limit).await.unwrap_err();
    is(error.failure().unwrap(), FailureKind::TimedOut, true);
    assert!(asked.elapsed() >= limit && asked.elapsed() < limit + Duration::from_millis(250));
    assert_eq!(front.calls_in_flight(), 0);
}

#[tokio::test]
async fn what_waited_past_its_deadline_is_not_begun() {
    let test = TestMesh::start(&manifests()).await;
    let config = MeshConfig { prefetch: 1, ..test.config() };
    let echo = start_echo_with(&test, config).await;
    let front = front(&test).await;
    let first = front.call(Sleep { ms: 500 });
    let second = front.call(hello()).within(Duration::from_millis(200));
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.unwrap(), 500);
    is(second.unwrap_err().failure().unwrap(), FailureKind::TimedOut, true);
    echo.stop().await.unwrap();
    // Neither handled nor left behind.
    test.finish().await;
}

#[tokio::test]
async fn connection_cut_in_flight() {
    let test = TestMesh::start(&manifests()).await;
    let _echo = start_echo(&test).await;
    let config = MeshConfig { tries: 1, ..test.config() };
    let front = test.join_with("front", config).await;
    assert!(front.sees("echo-svc", mesh::testing::PATIENCE).await);
    let connections = test.listed_connections(4).await;
    let cut = async {
        eventually("it is under way", async || (front.calls_in_flight() == 1).then_some(())).await;
        test.cut(&connections).await;
        Instant::now()
    };
    let ((failure, _), cut_at) = tokio::join!(failure(&front, SleepOnce { ms: 3000 }), cut);
    is(&failure, FailureKind::LinkLost, true);
    assert!(cut_at.elapsed() < Duration::from_millis(500), "{:?}", cut_at.elapsed());
}

#[tokio::test]
async fn a_call_whose_connection_was_cut_is_made_again_by_itself() {
    let test = TestMesh::start(&manifests()).await;
    let _echo = start_echo(&test).await;
    let front = front(&test).await;
    let connections = test.listed_connections(4).await;
    let cut = async {
        eventually("it is under way", async || (front.calls_in_flight() == 1).then_some(())).await;
        test.cut(&connections).await;
    };
    let (answer, ()) = tokio::join!(front.call(Sleep { ms: 500 }), cut);
    assert_eq!(answer.unwrap(), 500);
}

#[tokio::test]
async fn no_connection_at_all() {
    let config = MeshConfig { tries: 1, ..MeshConfig::at("amqp://127.0.0.1:1", "none").unwrap() };
    let front = Mesh::start(&manifests(), "front", config).unwrap();
    let (failure, took) = failure(&front, hello()).await;
    is(&failure, FailureKind::Unavailable, false);
    assert!(took < Duration::from_millis(100), "{took:?}");
}

#[tokio::test]
async fn a_call_that_the_manifest_does_not_list_is_not_sent() {
    let test = TestMesh::start(&manifests()).await;
    let stranger = test.join("stranger").await;
    let (unlisted, _) = failure(&stranger, Sleep { ms: 1 }).await;
    is(&unlisted, FailureKind::NotDeclared, false);
    assert!(unlisted.detail.contains("stranger") && unlisted.detail.contains("echo.sleep"));
    let spoken = stranger.call(hello()).caller(&anna()).await.unwrap_err();
    is(spoken.failure().unwrap(), FailureKind::NotDeclared, false);
}

#[tokio::test]
async fn the_failure_of_a_nested_call_keeps_its_name_on_the_way_up() {
    let test = TestMesh::start(&manifests()).await;
    let relay = start_relay(&test).await;
    let front = test.join("front").await;
    assert!(front.sees("relay-svc", mesh::testing::PATIENCE).await);
    eventually("relay-svc knows that echo-svc is away", async || {
        (relay.mesh.registry().presence("echo-svc") == mesh::Presence::Gone).then_some(())
    })
    .await;
    let (failure, took) = failure(&front, Relay { sleep_ms: None }).await;
    is(&failure, FailureKind::NoResponder, false);
    assert!(took < Duration::from_secs(2), "{took:?}");
    // relay-svc itself has done nothing wrong.
    assert_eq!(front.breaker("relay-svc"), Some((BreakerState::Closed, 0)));
}

#[tokio::test]
async fn who_was_late_is_named_even_at_the_end_of_the_line() {
    let test = TestMesh::start(&manifests()).await;
    let (_echo, relay) = (start_echo(&test).await, start_relay(&test).await);
    assert!(relay.mesh.sees("echo-svc", mesh::testing::PATIENCE).await);
    let front = test.join("front").await;
    assert!(front.sees("relay-svc", mesh::testing::PATIENCE).await);
    let asked = front.call(Relay { sleep_ms: Some(5000) }).within(Duration::from_secs(1));
    is(asked.await.unwrap_err().failure().unwrap(), FailureKind::TimedOut, true);
}

#[tokio::test]
async fn after_every_connection_was_cut_all_is_well_within_two_seconds() {
    let test = TestMesh::start(&manifests()).await;
    let _echo = start_echo(&test).await;
    let front = front(&test).await;
    let connections = test.listed_connections(4).await;
    test.cut(&connections).await;
    let cut = Instant::now();
    eventually("an answer again", async || front.call(Who {}).await.ok()).await;
    assert!(cut.elapsed() < Duration::from_secs(2), "{:?}", cut.elapsed());
}

#[tokio::test]
async fn after_its_queue_was_deleted_a_service_makes_it_anew_within_two_seconds() {
    let test = TestMesh::start(&manifests()).await;
    let _echo = start_echo(&test).await;
    let front = front(&test).await;
    test.management().delete(&format!("queues/{}/echo-svc", test.vhost())).await;
    let deleted = Instant::now();
    eventually("an answer again", async || front.call(hello()).await.ok()).await;
    assert!(deleted.elapsed() < Duration::from_secs(2), "{:?}", deleted.elapsed());
}
