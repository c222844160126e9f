//! Listening, and stopping.

use std::time::Duration;

use gateway::GatewayConfig;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::ground::{Gateway, alone, send};

#[tokio::test]
async fn without_a_broker_it_lives_and_says_what_is_missing() {
    let gateway = Gateway::alone();
    assert_eq!(gateway.get("/health/live").await.status, 200);
    let ready = gateway.get("/health/ready").await;
    ready.is_problem(503, "mesh.unavailable");
    assert_eq!(ready.header("retry-after"), "1");
    let health = gateway.get("/health").await;
    assert_eq!((health.status.as_u16(), &health.body["status"]), (503, &"down".into()));
    assert_eq!(health.body["services"]["user"]["instances"], 0);
    let keys = gateway.get("/.well-known/jwks.json").await;
    let keys = keys.is_problem(503, "mesh.unavailable");
    assert_eq!((&keys.body["service"], keys.header("retry-after")), (&"user-svc".into(), "1"));
}

#[tokio::test]
async fn metrics_tell_of_requests_and_may_have_a_listener_of_their_own() {
    let metrics_addr = Some("127.0.0.1:0".parse().unwrap());
    let gateway =
        Gateway::start(alone(), GatewayConfig { metrics_addr, ..GatewayConfig::default() });
    gateway.get("/api/users/0190d9c1-0000-7000-8000-000000000000").await;
    let own = format!("http://{}/metrics", gateway.metrics_addr.unwrap());
    for text in [
        gateway.get("/metrics").await.body,
        send(reqwest::Client::new().get(own).header("X-Forwarded-For", "192.0.2.1")).await.body,
    ] {
        let text = text.as_str().unwrap();
        let labels = [
            r#"service="gateway""#,
            "instance=",
            r#"method="GET""#,
            r#"route="/api/users/{id}""#,
            r#"status="401""#,
        ];
        let mut buckets = text.lines().filter(|l| l.starts_with("http_request_seconds_bucket"));
        assert!(buckets.any(|line| labels.iter().all(|label| line.contains(label))), "{text}");
    }
}

#[tokio::test]
async fn stopping_ends_what_is_under_way_and_takes_no_more() {
    let gateway = Gateway::alone();
    let addr = gateway.addr;
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let head = "POST /api/users/verify HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                content-length: 13\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    mesh::testing::eventually("the request is under way", async || {
        let text = gateway.get("/metrics").await.body;
        let text = text.as_str().unwrap_or_default();
        let mut gauges = text.lines().filter(|line| line.starts_with("http_requests_in_flight{"));
        gauges.any(|line| !line.ends_with(" 0") && !line.ends_with(" 1")).then_some(())
    })
    .await;
    let stopping = tokio::spawn(gateway.stop());
    mesh::testing::eventually("nobody is let in any more", async || {
        TcpStream::connect(addr).await.is_err().then_some(())
    })
    .await;
    stream.write_all(br#"{"token":"x"}"#).await.unwrap();
    let mut text = String::new();
    let read = tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut text);
    tokio::time::timeout(Duration::from_secs(5), read).await.unwrap().unwrap();
    assert!(text.starts_with("HTTP/1.1 503"), "{text}");
    tokio::time::timeout(Duration::from_secs(5), stopping).await.unwrap().unwrap();
}
