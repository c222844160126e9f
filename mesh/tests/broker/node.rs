//! Faults of a whole broker node: each story has a node of its own.

use std::time::{Duration, Instant};

use harness::Node;
use mesh::{
    FailureKind, Mesh,
    testing::{PATIENCE, TestMesh, eventually},
};

use crate::vocabulary::{Running, Sleep, front, hello, manifests, start_echo};

/// A node, with a service and a caller on it.
struct Ground {
    test: TestMesh,
    echo: Running,
    front: Mesh,
    node: Node,
    _dir: tempfile::TempDir,
}

async fn ground() -> Ground {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(dir.path()).await.unwrap();
    let management = node.management_url_with_login();
    let test = TestMesh::on(&manifests(), &node.amqp_url(), &management).await;
    let echo = start_echo(&test).await;
    let front = front(&test).await;
    front.call(hello()).await.unwrap();
    Ground { test, echo, front, node, _dir: dir }
}

impl Ground {
    /// Success again within two seconds of now, with nothing of ours restarted.
    async fn is_well_within_two_seconds(&self) {
        let since = Instant::now();
        eventually("an answer again", async || self.front.call(hello()).await.ok()).await;
        assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    }

    async fn end(self) {
        let Self { test, echo, front, node, _dir } = self;
        front.stop().await;
        // A handler whose caller was cut off may still sleep: it is not this story's matter.
        let _ = echo.stop().await;
        drop(test);
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn broker_blocked_by_a_memory_alarm() {
    let ground = ground().await;
    ground.node.memory_alarm(true).await.unwrap();
    // The broker blocks a connection when it publishes; what it publishes then waits.
    let asked = Instant::now();
    let refused = eventually("the block is known", async || {
        let limit = Duration::from_millis(500);
        let error = ground.front.call(hello()).within(limit).await.err()?;
        let failure = error.failure().cloned()?;
        (failure.kind == FailureKind::Unavailable).then_some(failure)
    })
    .await;
    assert!(!refused.outcome_unknown);
    assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
    let asked = Instant::now();
    assert!(ground.front.call(hello()).await.is_err());
    assert!(asked.elapsed() < Duration::from_secs(1), "told at once: {:?}", asked.elapsed());
    ground.node.memory_alarm(false).await.unwrap();
    ground.is_well_within_two_seconds().await;
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broker_application_restarted() {
    let ground = ground().await;
    let in_flight = {
        let front = ground.front.clone();
        tokio::spawn(async move {
            front.call(Sleep { ms: 20_000 }).within(Duration::from_secs(20)).await
        })
    };
    eventually("it is being handled", async || {
        (ground.echo.mesh.requests_in_flight() == 1).then_some(())
    })
    .await;
    ground.node.stop_app().await.unwrap();
    let error = in_flight.await.unwrap().unwrap_err();
    let kind = error.failure().unwrap().kind;
    assert!(matches!(kind, FailureKind::LinkLost | FailureKind::Unavailable), "{error}");
    assert!(error.outcome_unknown(), "the first try may have happened: {error}");
    let (asked, error) = (Instant::now(), ground.front.call(hello()).await.unwrap_err());
    assert_eq!(error.failure().unwrap().kind, FailureKind::Unavailable);
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    ground.node.start_app().await.unwrap();
    ground.is_well_within_two_seconds().await;
    ground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_connections_closed_and_every_channel_killed() {
    let ground = ground().await;
    ground.node.close_all_connections("a test").await.unwrap();
    ground.is_well_within_two_seconds().await;
    assert!(ground.front.sees("echo-svc", PATIENCE).await);
    let kill = "[exit(Pid, kill) || Pid <- rabbit_channel:list()].";
    ground.node.control(&["eval", kill]).await.unwrap();
    ground.is_well_within_two_seconds().await;
    ground.end().await;
}
