//! Bodies that cannot be read, and how that is said. Without a broker: what can be read is
//! answered 503.

use std::time::Duration;

use gateway::GatewayConfig;
use reqwest::Method;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::ground::{Gateway, alone, send};

const LOGIN: &str = "/api/users/login";

#[tokio::test]
async fn what_is_wrong_with_a_body_is_said() {
    let gateway = Gateway::start(alone(), generous());
    let deep = |levels| format!(r#"{{"a":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    let (deep_enough, too_deep) = (deep(31), deep(32));
    for (body, code, field) in [
        ("", "request.malformed", None),
        ("{", "request.malformed", None),
        ("{'email':1}", "request.malformed", None),
        (r#"{"email":"a","password":"b"} {}"#, "request.malformed", None),
        (r#"{"email":"\ud800"}"#, "request.wrong_type", Some("email")),
        ("null", "request.wrong_type", Some("")),
        ("7", "request.wrong_type", Some("")),
        (r#"["a@b.org","password"]"#, "request.wrong_type", Some("")),
        ("{}", "request.wrong_type", Some("email")),
        (r#"{"email":"a@b.org"}"#, "request.wrong_type", Some("password")),
        (r#"{"email":5,"password":"x"}"#, "request.wrong_type", Some("email")),
        (r#"{"email":null,"password":"x"}"#, "request.wrong_type", Some("email")),
        (r#"{"email":{"a":1},"password":"x"}"#, "request.wrong_type", Some("email")),
        (r#"{"email":"a","password":["x"]}"#, "request.wrong_type", Some("password")),
        (r#"{"email":"a","email":"b","password":"x"}"#, "request.wrong_type", Some("email")),
        (deep_enough.as_str(), "request.wrong_type", Some("email")),
        (too_deep.as_str(), "request.too_deep", None),
    ] {
        let answer = gateway.post(LOGIN, body.to_owned()).await;
        assert_eq!(answer.body["code"], code, "{body}: {answer:?}");
        answer.is_problem(400, code);
        if let Some(field) = field {
            answer.names(field);
        }
    }
}

#[tokio::test]
async fn only_json_that_says_so_is_read() {
    let gateway = Gateway::start(alone(), generous());
    let good = r#"{"email":"a@b.org","password":"secret","unknown":[1,2]}"#;
    for kind in ["application/json", "Application/JSON; charset=utf-8"] {
        let request = gateway.request(Method::POST, LOGIN).header("Content-Type", kind);
        send(request.body(good)).await.is_problem(503, "mesh.unavailable");
    }
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "json"] {
        let request = gateway.request(Method::POST, LOGIN).header("Content-Type", kind);
        send(request.body(good)).await.is_problem(415, "request.media_type");
    }
    let bare = gateway.request(Method::POST, LOGIN).body(good);
    send(bare).await.is_problem(415, "request.media_type");
    let zipped = gateway.request(Method::POST, LOGIN).header("Content-Type", "application/json");
    let zipped = zipped.header("Content-Encoding", "gzip").body(good);
    send(zipped).await.is_problem(415, "request.media_type");
}

#[tokio::test]
async fn a_body_has_a_largest_size() {
    let gateway = Gateway::start(alone(), GatewayConfig { body_limit: 100, ..generous() });
    let of_size = |size: usize| {
        let frame = r#"{"email":"a","password":""}"#;
        frame.replace(r#""}"#, &format!("{}\"}}", "x".repeat(size - frame.len())))
    };
    gateway.post(LOGIN, of_size(100)).await.is_problem(503, "mesh.unavailable");
    let refused = gateway.post(LOGIN, of_size(101)).await;
    refused.is_problem(413, "request.too_large");
    assert!(refused.body["detail"].as_str().unwrap().contains("100"), "{refused:?}");

    // Nor does one get through that does not say how long it will be.
    let mut stream = TcpStream::connect(gateway.addr).await.unwrap();
    let head = "POST /api/users/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                transfer-encoding: chunked\r\n\r\n";
    let chunk = format!("46\r\n{}\r\n", " ".repeat(0x46));
    stream.write_all(format!("{head}{chunk}{chunk}").as_bytes()).await.unwrap();
    assert!(read_answer(stream).await.starts_with("HTTP/1.1 413"));
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_not_waited_for() {
    let body_timeout = Duration::from_millis(200);
    let gateway = Gateway::start(alone(), GatewayConfig { body_timeout, ..generous() });
    let mut stream = TcpStream::connect(gateway.addr).await.unwrap();
    let request = "POST /api/users/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                   content-length: 50\r\n\r\n{\"email\":";
    stream.write_all(request.as_bytes()).await.unwrap();
    let answer = read_answer(stream).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(
        answer.contains("request.too_slow") && answer.contains("connection: close"),
        "{answer}"
    );
}

/// An answer whose body is a JSON object.
async fn read_answer(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    let reading = async {
        while !answer.ends_with(b"}") {
            assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "closed before the end");
        }
    };
    tokio::time::timeout(Duration::from_secs(10), reading).await.unwrap();
    String::from_utf8(answer).unwrap()
}

fn generous() -> GatewayConfig {
    GatewayConfig {
        rate_anon: 1000,
        rate_login: 1000,
        rate_login_failures: 1000,
        ..GatewayConfig::default()
    }
}
