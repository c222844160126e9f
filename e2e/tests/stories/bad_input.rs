//! Bad input over every endpoint: the right 4xx, naming the field, and never a 5xx.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use e2e::{Answer, Client, System};
use reqwest::Method;
use serde_json::{Value, json};

/// One bad request, and what must come of it.
struct Case {
    method: Method,
    path: String,
    body: Option<String>,
    status: u16,
    /// The field that the problem names; empty if none is to blame.
    field: &'static str,
}

fn case(method: Method, path: &str, body: Value, status: u16, field: &'static str) -> Case {
    Case { method, path: path.to_owned(), body: Some(body.to_string()), status, field }
}

fn raw(method: Method, path: &str, body: &str, status: u16) -> Case {
    Case { method, path: path.to_owned(), body: Some(body.to_owned()), status, field: "" }
}

fn get(path: &str, status: u16, field: &'static str) -> Case {
    Case { method: Method::GET, path: path.to_owned(), body: None, status, field }
}

async fn send(client: &Client, case: &Case) -> Answer {
    let request = client.request(case.method.clone(), &case.path);
    let request = match &case.body {
        Some(body) => request.header("Content-Type", "application/json").body(body.clone()),
        None => request,
    };
    client.send(request).await
}

async fn try_all(client: &Client, cases: Vec<Case>) {
    for case in cases {
        let answer = send(client, &case).await;
        let what = format!("{} {} {:?}", case.method, case.path, case.body);
        assert_eq!(answer.status, case.status, "{what}: {answer:?}");
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{what}");
        if !case.field.is_empty() {
            answer.names(case.field);
        }
    }
}

fn deep(levels: usize) -> String {
    format!("{}1{}", "[".repeat(levels), "]".repeat(levels))
}

const REGISTER: &str = "/api/users/register";
const LOGIN: &str = "/api/users/login";
const VERIFY: &str = "/api/users/verify";

#[tokio::test]
async fn bodies_that_are_no_json_or_break_a_rule() {
    let system = System::start().await;
    let (post, put) = (Method::POST, Method::PUT);
    let nobody = system.client();
    let good = "correct horse";
    let long = "x".repeat(300);

    let mut cases = Vec::new();
    for path in [REGISTER, LOGIN, VERIFY] {
        cases.push(raw(post.clone(), path, "", 400));
        cases.push(raw(post.clone(), path, "{", 400));
        cases.push(raw(post.clone(), path, "{\"email\": \u{7}}", 400));
        cases.push(raw(post.clone(), path, "null", 400));
        cases.push(raw(post.clone(), path, "[]", 400));
        cases.push(raw(post.clone(), path, "\"text\"", 400));
        cases.push(raw(post.clone(), path, "{} trailing", 400));
        cases.push(raw(post.clone(), path, &format!("{{\"x\":{}}}", deep(40)), 400));
        cases.push(raw(post.clone(), path, &deep(20_000), 400));
        cases.push(raw(post.clone(), path, &format!("{{\"x\":\"{}\"}}", "y".repeat(70_000)), 413));
    }
    let register = |body: Value, status, field| case(Method::POST, REGISTER, body, status, field);
    cases.extend([
        register(json!({}), 400, "email"),
        register(json!({ "email": "a@b.de" }), 400, "password"),
        register(json!({ "email": 7, "password": good }), 400, "email"),
        register(json!({ "email": null, "password": good }), 400, "email"),
        register(json!({ "email": ["a@b.de"], "password": good }), 400, "email"),
        register(json!({ "email": { "$ne": "" }, "password": good }), 400, "email"),
        register(json!({ "email": "a@b.de", "password": true }), 400, "password"),
        register(json!({ "email": "a@b.de", "password": good, "name": 1 }), 400, "name"),
        register(json!({ "email": "a@b.de", "password": good, "role": "king" }), 400, "role"),
        register(json!({ "email": "a@b.de", "password": good, "role": 1 }), 400, "role"),
        register(json!({ "email": "", "password": good }), 422, "email"),
        register(json!({ "email": "nobody", "password": good }), 422, "email"),
        register(json!({ "email": "@example.com", "password": good }), 422, "email"),
        register(json!({ "email": "a b@example.com", "password": good }), 422, "email"),
        register(json!({ "email": "a\u{0}b@example.com", "password": good }), 422, "email"),
        register(json!({ "email": format!("{long}@example.com"), "password": good }), 422, "email"),
        register(json!({ "email": "a@b.de", "password": "short" }), 422, "password"),
        register(json!({ "email": "a@b.de", "password": "x".repeat(72) }), 422, "password"),
        register(json!({ "email": "a@b.de", "password": "ü".repeat(36) }), 422, "password"),
        register(json!({ "email": "a@b.de", "password": good, "name": "" }), 422, "name"),
        register(json!({ "email": "a@b.de", "password": good, "name": long }), 422, "name"),
        register(json!({ "email": "a@b.de", "password": good, "name": "a\u{0}b" }), 422, "name"),
        register(json!({ "email": "a@b.de", "password": good, "role": "admin" }), 403, ""),
        case(post.clone(), LOGIN, json!({ "email": "a@b.de" }), 400, "password"),
        case(post.clone(), LOGIN, json!({ "email": 1, "password": good }), 400, "email"),
        case(post.clone(), LOGIN, json!({ "email": "", "password": good }), 422, "email"),
        case(post.clone(), LOGIN, json!({ "email": long, "password": good }), 422, "email"),
        case(post.clone(), LOGIN, json!({ "email": "a@b.de", "password": "" }), 422, "password"),
        case(post.clone(), LOGIN, json!({ "email": "' OR 1=1 --", "password": good }), 401, ""),
        case(post.clone(), VERIFY, json!({ "token": 1 }), 400, "token"),
        case(post.clone(), VERIFY, json!({ "token": "" }), 422, "token"),
        case(post.clone(), VERIFY, json!({ "token": "x".repeat(10_000) }), 422, "token"),
    ]);
    try_all(&nobody, cases).await;

    let anna = nobody.register("anna").await;
    let profile = "/api/users/profile";
    try_all(
        &anna,
        vec![
            case(put.clone(), profile, json!({ "name": 1 }), 400, "name"),
            case(put.clone(), profile, json!({ "name": "" }), 422, "name"),
            case(put.clone(), profile, json!({ "name": long }), 422, "name"),
            case(put.clone(), profile, json!({ "email": "nobody" }), 422, "email"),
            case(put.clone(), profile, json!({ "email": [] }), 400, "email"),
            raw(put.clone(), profile, "{\"name\":\"\\ud800\"}", 400),
            case(put, "/api/users/not-an-id", json!({ "name": "x" }), 400, "id"),
        ],
    )
    .await;
}

#[tokio::test]
async fn paths_queries_and_methods_that_are_none() {
    let system = System::start().await;
    let anna = system.client().register("anna").await;
    let unknown = format!("/api/users/{}", "0190d9c1-0000-7000-8000-000000000000");
    try_all(
        &anna,
        vec![
            get("/api/users/not-an-id", 400, "id"),
            get("/api/users/1%27%20OR%201=1", 400, "id"),
            get(&unknown, 404, ""),
            get("/api/no-such-thing", 404, ""),
            get("/api/users/me/more", 404, ""),
            get("/api/users", 422, "query"),
            get("/api/users?query=a", 422, "query"),
            get(&format!("/api/users?query={}", "a".repeat(200)), 422, "query"),
            get("/api/users?query=anna&limit=0", 422, "limit"),
            get("/api/users?query=anna&limit=101", 422, "limit"),
            get("/api/users?query=anna&limit=-1", 400, "limit"),
            get("/api/users?query=anna&limit=many", 400, "limit"),
            get("/api/users?query=anna&cursor=%00", 422, "cursor"),
            get("/api/users?query=anna&cursor=bm90IG91cnM", 422, "cursor"),
            get("/api/users?query=anna&role=king", 400, "role"),
            get("/api/users?query=anna&role=admin", 403, ""),
            get("/api/users?query=anna&status=disabled", 403, ""),
            get("/api/registry", 403, ""),
            raw(Method::DELETE, "/api/users/profile", "", 405),
            raw(Method::PATCH, REGISTER, "{}", 405),
        ],
    )
    .await;
    // Odd, but nothing is wrong with it: searched for as it stands.
    for query in ["%25%25", "__", "%27%3B%20DROP%20TABLE%20users%3B--", "%F0%9F%90%B0%F0%9F%90%B0"]
    {
        let found = anna.get(&format!("/api/users?query={query}")).await;
        assert_eq!((found.status.as_u16(), &found.body["items"]), (200, &json!([])), "{query}");
    }
}

#[tokio::test]
async fn media_types_and_headers_that_are_none() {
    let system = System::start().await;
    let nobody = system.client();
    let account = json!({ "email": "a@b.de", "password": "correct horse" }).to_string();
    for kind in ["text/plain", "application/xml", "application/x-www-form-urlencoded"] {
        let request = nobody.request(Method::POST, REGISTER).header("Content-Type", kind);
        nobody.send(request.body(account.clone())).await.is_problem(415, "request.media_type");
    }
    let bare = nobody.request(Method::POST, REGISTER).body(account.clone());
    nobody.send(bare).await.is_problem(415, "request.media_type");
    for timeout in ["0", "-1", "soon", "1.5"] {
        let request = nobody.request(Method::POST, LOGIN).header("X-Request-Timeout", timeout);
        let request = request.header("Content-Type", "application/json").body(account.clone());
        nobody.send(request).await.is_problem(400, "request.wrong_type").names("X-Request-Timeout");
    }
    for id in ["", &"x".repeat(200), "with space"] {
        let request = nobody.request(Method::GET, "/health").header("X-Request-Id", id);
        let answer = nobody.send(request).await;
        assert_eq!(answer.status, 200);
        assert_ne!(answer.headers["x-request-id"], id);
    }
}

#[tokio::test]
async fn tokens_of_eight_bad_kinds() {
    let system = System::start().await;
    let anna = system.client().register("anna").await;
    let good = anna.token.clone().unwrap();
    let [head, claims, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let decode = |part: &str| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    let mut admin = decode(claims);
    admin["role"] = json!("admin");
    let mut other_key = decode(head);
    other_key["kid"] = json!("no-such-key");
    let none = encode(json!({ "alg": "none", "typ": "JWT" }));
    let hmac = encode(json!({ "alg": "HS256", "typ": "JWT", "kid": decode(head)["kid"] }));
    let other = encode(other_key);
    let bad = [
        ("no token at all", String::new()),
        ("not of three parts", "abc".to_owned()),
        ("not base64", "%%%.%%%.%%%".to_owned()),
        ("another role written in", format!("{head}.{}.{signature}", encode(admin))),
        ("no signature", format!("{head}.{claims}.")),
        ("no algorithm", format!("{none}.{claims}.")),
        ("signed by a shared secret", format!("{hmac}.{claims}.{signature}")),
        ("a key that is not ours", format!("{other}.{claims}.{signature}")),
        ("absurdly long", format!("{head}.{}.{signature}", "A".repeat(20_000))),
    ];
    for (kind, token) in bad {
        for path in ["/api/users/profile", "/api/users?query=anna", "/api/registry"] {
            let answer = anna.with_token(&token).get(path).await;
            assert_eq!(answer.status, 401, "{kind} at {path}: {answer:?}");
            assert!(answer.headers.contains_key("www-authenticate"), "{kind}: {answer:?}");
        }
    }
    for scheme in ["Basic YTpi", "Bearer", "Token abc", &format!("bearer{good}")] {
        let request = system.client().request(Method::GET, "/api/users/profile");
        let answer = anna.send(request.header("Authorization", scheme)).await;
        assert_eq!(answer.status, 401, "{scheme}: {answer:?}");
    }
    assert_eq!(anna.get("/api/users/profile").await.status, 200);
}

#[tokio::test]
async fn a_token_that_has_ended() {
    let system = System::start_with(&[("ACCESS_TOKEN_SECONDS", "1")]).await;
    let anna = system.client().register("anna").await;
    // One second of life, five of leeway for clocks that differ.
    mesh::testing::eventually("the token ends", async || {
        let answer = anna.get("/api/users/profile").await;
        (answer.status == 401).then(|| {
            answer.is_problem(401, "auth.expired_token");
        })
    })
    .await;
}

#[tokio::test]
async fn unknown_fields_are_ignored() {
    let system = System::start().await;
    let account = json!({
        "email": "anna@example.com", "password": "correct horse", "favourite": { "colour": "red" },
    });
    let answer = system.client().post(REGISTER, &account).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}
