//! A private RabbitMQ node, from its first start to its last trace.

#![cfg(test)]

use std::path::Path;
use std::time::Duration;

use harness::Node;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// Whether anybody listens at `amqp://HOST:PORT` or `http://HOST:PORT`.
async fn listens(url: &str) -> bool {
    let address = url.split("//").nth(1).unwrap();
    TcpStream::connect(address).await.is_ok()
}

/// The command lines of all processes that mention `dir` in their environment or arguments.
fn processes_of(dir: &Path) -> Vec<String> {
    let needle = dir.to_str().unwrap();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mentions = |path: &Path, file: &str| {
        let content = std::fs::read(path.join(file)).unwrap_or_default();
        let content = String::from_utf8_lossy(&content).replace('\0', " ");
        content.contains(needle).then_some(content)
    };
    let own = std::process::id().to_string();
    processes
        .filter(|entry| entry.file_name().to_string_lossy() != own)
        .filter_map(|entry| {
            mentions(&entry.path(), "environ").or(mentions(&entry.path(), "cmdline"))
        })
        .collect()
}

/// Waits until nothing of the node runs. Erlang's own helpers end when they notice that the
/// broker is gone.
async fn all_gone(dir: &Path) {
    let mut left = Vec::new();
    let gone = async {
        loop {
            left = processes_of(dir);
            if left.is_empty() {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    let soon = timeout(Duration::from_secs(10), gone).await;
    assert!(soon.is_ok(), "still there: {left:?}");
}

async fn alarmed(node: &Node) -> bool {
    let nodes = node.management().get("api/health/checks/local-alarms").await;
    nodes.is_err() // 503 while an alarm is on
}

fn definitions() -> Value {
    json!({
        "users": [{ "name": "anna", "password": "secret", "tags": "monitoring" }],
        "queues": [{
            "name": "letters", "vhost": "/", "durable": true, "auto_delete": false,
            "arguments": { "x-queue-type": "quorum" }
        }],
    })
}

#[tokio::test]
async fn a_node_lives_through_everything_done_to_it_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = Node::start(dir.path()).await.unwrap();
    assert!(listens(&node.amqp_url()).await);
    assert!(!processes_of(dir.path()).is_empty());

    let users = node.management().get("api/users").await.unwrap();
    let names: Vec<_> = users.as_array().unwrap().iter().map(|user| &user["name"]).collect();
    assert_eq!(names, ["admin"], "nobody but us, not even guest");

    node.import_definitions(&definitions()).await.unwrap();
    node.management().get("api/queues/%2F/letters").await.unwrap();
    let refused = node.import_definitions(&json!({ "users": [{ "name": "x" }] })).await;
    assert!(refused.is_err());

    node.memory_alarm(true).await.unwrap();
    assert!(alarmed(&node).await);
    node.memory_alarm(false).await.unwrap();
    assert!(!alarmed(&node).await);
    node.close_all_connections("a test").await.unwrap();

    node.stop_app().await.unwrap();
    assert!(!listens(&node.amqp_url()).await);
    node.start_app().await.unwrap();
    assert!(listens(&node.amqp_url()).await);

    let first = node.pid();
    node.kill();
    assert!(!listens(&node.amqp_url()).await);
    node.restart().await.unwrap();
    assert_ne!(node.pid(), first);
    node.management().get("api/queues/%2F/letters").await.unwrap();

    let (amqp, management) = (node.amqp_url(), node.management_url());
    node.stop().await;
    assert!(!listens(&amqp).await && !listens(&management).await);
    all_gone(dir.path()).await;
}

#[tokio::test]
async fn a_second_start_ends_the_first_keeps_its_ports_and_data_and_mends_a_lost_password() {
    let dir = tempfile::tempdir().unwrap();
    let forgotten = Node::start(dir.path()).await.unwrap();
    forgotten.import_definitions(&definitions()).await.unwrap();
    let (pid, url) = (forgotten.pid(), forgotten.amqp_url());
    let password = forgotten.admin().1.to_owned();
    std::mem::forget(forgotten); // as if we had been killed
    std::fs::remove_file(dir.path().join("secrets/admin")).unwrap();

    let node = Node::start(dir.path()).await.unwrap();
    assert_ne!(node.pid(), pid);
    assert_eq!(node.amqp_url(), url);
    assert_ne!(node.admin().1, password);
    node.management().get("api/queues/%2F/letters").await.unwrap();

    drop(node);
    assert!(!listens(&url).await);
    all_gone(dir.path()).await;
}
