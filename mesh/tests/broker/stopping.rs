//! Leaving without losing anything.

use std::time::Duration;

use mesh::{
    Presence, Service, StartError, StopError,
    testing::{TestMesh, eventually},
};

use crate::vocabulary::{Sleep, front, hello, manifests, start_echo, start_echo_with};

#[tokio::test]
async fn what_has_begun_is_finished_and_what_has_not_goes_to_another() {
    let test = TestMesh::start(&manifests()).await;
    let config = mesh::MeshConfig { prefetch: 1, ..test.config() };
    let first = start_echo_with(&test, config.clone()).await;
    let front = front(&test).await;
    let asked: Vec<_> = (0..10)
        .map(|_| {
            let front = front.clone();
            tokio::spawn(async move { front.call(Sleep { ms: 100 }).await })
        })
        .collect();
    eventually("one is being handled", async || (front.calls_in_flight() == 10).then_some(()))
        .await;
    let second = start_echo_with(&test, config).await;
    first.stop().await.unwrap();
    for answer in asked {
        assert_eq!(answer.await.unwrap().unwrap(), 100);
    }
    second.stop().await.unwrap();
    test.finish().await;
}

#[tokio::test]
async fn one_that_leaves_says_so_and_is_not_asked_any_more() {
    let test = TestMesh::start(&manifests()).await;
    let echo = start_echo(&test).await;
    let front = front(&test).await;
    front.call(hello()).await.unwrap();
    echo.stop().await.unwrap();
    eventually("the leaving is noticed", async || {
        (front.registry().presence("echo-svc") == Presence::Gone).then_some(())
    })
    .await;
}

#[tokio::test]
async fn one_that_cannot_finish_in_the_time_of_grace_says_so() {
    let test = TestMesh::start(&manifests()).await;
    let config = mesh::MeshConfig { grace: Duration::from_millis(50), ..test.config() };
    let echo = start_echo_with(&test, config).await;
    let front = front(&test).await;
    let asked = tokio::spawn(async move { front.call(Sleep { ms: 3000 }).await });
    eventually("it is being handled", async || (echo.mesh.requests_in_flight() == 1).then_some(()))
        .await;
    let stopped = echo.stop().await;
    assert!(matches!(stopped, Err(StopError::Unfinished { unfinished: 1, .. })), "{stopped:?}");
    asked.abort();
}

#[tokio::test]
async fn a_service_whose_handlers_are_not_those_of_its_manifest_does_not_start() {
    let test = TestMesh::start(&manifests()).await;
    let mesh = test.join("relay-svc").await;
    let stopped = Service::new(mesh, ()).run_until(std::future::pending()).await;
    match stopped {
        Err(StopError::Start(StartError::Handlers { service, difference })) => {
            assert_eq!(service, "relay-svc");
            assert_eq!(difference, "relay.ask has no handler");
        }
        other => panic!("{other:?}"),
    }
}
