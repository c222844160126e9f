//! Who asks: tokens that are good, and those that are not, with a user-svc that gives out keys.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use common_messages::{
    token::Claims,
    user::Role::{Admin, User},
};
use gateway::GatewayConfig;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use mesh::testing::{PATIENCE, TestMesh};
use reqwest::Method;
use serde::Serialize;
use serde_json::{json, to_value};

use crate::{
    ground::{Answer, Gateway, send},
    user_svc::{self, KID, PASSWORD, X, claims, foreign_key, header, key, token},
};

async fn with_user_svc(config: GatewayConfig) -> (TestMesh, Gateway) {
    let test = TestMesh::start(&user_svc::manifests()).await;
    user_svc::start(test.join("user-svc").await).await;
    let mesh = test.join("gateway").await;
    assert!(mesh.sees("user-svc", PATIENCE).await);
    (test, Gateway::start(mesh, config))
}

async fn get(gateway: &Gateway, path: &str, authorization: &str) -> Answer {
    send(gateway.request(Method::GET, path).header("Authorization", authorization)).await
}

async fn profile(gateway: &Gateway, authorization: &str) -> Answer {
    get(gateway, "/api/users/profile", authorization).await
}

fn signed(claims: impl Serialize) -> String {
    encode(&header(), &claims, &key()).unwrap()
}

fn with_header(header: Header) -> String {
    encode(&header, &claims(User), &key()).unwrap()
}

fn base64(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// Tokens that are not good, each for one reason alone.
fn bad_tokens() -> Vec<(&'static str, String)> {
    let good = token(User);
    let parts: Vec<&str> = good.split('.').collect();
    let admins = base64(to_value(claims(Admin)).unwrap().to_string());
    let none = base64(r#"{"alg":"none","typ":"JWT","kid":"the-key"}"#);
    let hmac = Header { kid: Some(KID.to_owned()), ..Header::new(Algorithm::HS256) };
    let public_half = EncodingKey::from_secret(&URL_SAFE_NO_PAD.decode(X).unwrap());
    let mut early = to_value(claims(User)).unwrap();
    early["nbf"] = early["exp"].clone();
    let other = || "others".to_owned();
    vec![
        ("garbage", "garbage".to_owned()),
        ("three empty parts", "..".to_owned()),
        ("no JSON", format!("{}.{}.{}", base64("no"), base64("json"), base64("here"))),
        ("alg none", format!("{none}.{}.", parts[1])),
        ("HS256 by the public key", encode(&hmac, &claims(User), &public_half).unwrap()),
        ("another's signature", encode(&header(), &claims(User), &foreign_key()).unwrap()),
        ("other claims than were signed", format!("{}.{admins}.{}", parts[0], parts[2])),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("an unknown key", with_header(Header { kid: Some(other()), ..header() })),
        ("no key", with_header(Header { kid: None, ..header() })),
        ("another type", with_header(Header { typ: Some("at+jwt".to_owned()), ..header() })),
        ("another audience", signed(Claims { aud: other(), ..claims(User) })),
        ("another issuer", signed(Claims { iss: other(), ..claims(User) })),
        ("no end", signed(json!({ "sub": claims(User).sub, "iss": "warren", "aud": "warren" }))),
        ("not good yet", signed(early)),
        ("too long", "x".repeat(9000)),
    ]
}

#[tokio::test]
async fn a_good_token_says_who_asks() {
    let (_test, gateway) = with_user_svc(GatewayConfig::default()).await;
    for role in [User, Admin] {
        let answer = profile(&gateway, &format!("Bearer {}", token(role))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.body["id"], claims(role).sub.to_string());
        assert_eq!(answer.body["name"], role.as_str(), "user-svc is told the role");
    }
    let answer = profile(&gateway, &format!("bearer {}", token(User))).await;
    assert_eq!(answer.status, 200, "the scheme's case does not matter");
    gateway.stop().await;
}

#[tokio::test]
async fn no_bad_token_is_accepted() {
    let (_test, gateway) = with_user_svc(GatewayConfig::default()).await;
    for (kind, token) in bad_tokens() {
        for _ in ["at first", "and again, whatever is remembered"] {
            let answer = profile(&gateway, &format!("Bearer {token}")).await;
            assert_eq!(answer.status, 401, "{kind}: {answer:?}");
            answer.is_problem(401, "auth.bad_token");
            assert_eq!(answer.header("www-authenticate"), "Bearer error=\"invalid_token\"");
        }
    }
    for no_bearer in ["Basic YTpi", "Bearer", token(User).as_str()] {
        profile(&gateway, no_bearer).await.is_problem(401, "auth.bad_token");
    }
    let none = gateway.get("/api/users/profile").await;
    none.is_problem(401, "auth.no_token");
    assert_eq!(none.header("www-authenticate"), "Bearer");
}

#[tokio::test]
async fn a_token_ends_when_it_says_so() {
    let config =
        GatewayConfig { rate_user: 100_000, rate_anon: 100_000, ..GatewayConfig::default() };
    let (_test, gateway) = with_user_svc(config).await;
    let now = jsonwebtoken::get_current_timestamp();
    let ended = signed(Claims { exp: now - 10, ..claims(User) });
    profile(&gateway, &format!("Bearer {ended}")).await.is_problem(401, "auth.expired_token");

    // Within the leeway, and so remembered; it ends all the same.
    let ending = format!("Bearer {}", signed(Claims { exp: now - 3, ..claims(User) }));
    assert_eq!(profile(&gateway, &ending).await.status, 200);
    let told = mesh::testing::eventually("the token ends", async || {
        let answer = profile(&gateway, &ending).await;
        (answer.status != 200).then_some(answer)
    });
    told.await.is_problem(401, "auth.expired_token");
}

#[tokio::test]
async fn what_only_administrators_may_see() {
    let (_test, gateway) = with_user_svc(GatewayConfig::default()).await;
    let (user, admin) = (format!("Bearer {}", token(User)), format!("Bearer {}", token(Admin)));
    let registry = "/api/registry";
    get(&gateway, registry, &user).await.is_problem(403, "auth.forbidden");
    let members = get(&gateway, registry, &admin).await.body;
    assert_eq!(members[1]["service"], "user-svc", "{members}");
    let one = get(&gateway, "/api/registry/user-svc", &admin).await.body;
    assert_eq!(one["instances"].as_array().unwrap().len(), 1, "{one}");
    assert!(one["methods"].as_array().unwrap().contains(&json!("user.get")), "{one}");
    assert_eq!(one["breaker"], "CLOSED");
    let started = one["instances"][0]["startedAt"].as_str().unwrap();
    assert!(started.parse::<chrono::DateTime<chrono::Utc>>().is_ok(), "{started}");
    get(&gateway, "/api/registry/nobody", &admin).await.is_problem(404, "registry.not_found");

    assert_eq!(gateway.get("/metrics").await.status, 200, "we are on this machine");
    let from_afar = |token: &str| {
        let request =
            gateway.request(Method::GET, "/metrics").header("X-Forwarded-For", "192.0.2.1");
        send(request.header("Authorization", token.to_owned()))
    };
    from_afar(&user).await.is_problem(403, "auth.forbidden");
    assert_eq!(from_afar(&admin).await.status, 200);
}

#[tokio::test]
async fn failed_log_ins_to_one_account_are_limited() {
    let config = GatewayConfig { rate_login_failures: 2, ..GatewayConfig::default() };
    let (_test, gateway) = with_user_svc(config).await;
    let login = async |email: &str, password: &str| {
        let body = json!({ "email": email, "password": password }).to_string();
        gateway.post("/api/users/login", body).await
    };
    for _ in 0..5 {
        assert_eq!(login("anna@example.org", PASSWORD).await.status, 200);
    }
    for _ in 0..2 {
        login("anna@example.org", "wrong").await.is_problem(401, "user.wrong_credentials");
    }
    let refused = login("ANNA@example.org", PASSWORD).await;
    refused.is_problem(429, "rate.failed_logins");
    assert!((1..=60).contains(&refused.header("retry-after").parse::<u32>().unwrap()));
    assert_eq!(login("ben@example.org", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn each_user_has_an_allowance_of_its_own() {
    let config = GatewayConfig { rate_user: 2, rate_anon: 1, ..GatewayConfig::default() };
    let (_test, gateway) = with_user_svc(config).await;
    gateway.get("/api/nothing").await.is_problem(404, "request.no_such_path");
    gateway.get("/api/nothing").await.is_problem(429, "rate.requests");
    let anna = format!("Bearer {}", token(User));
    for left in ["1", "0"] {
        let answer = profile(&gateway, &anna).await;
        assert_eq!((answer.status.as_u16(), answer.header("ratelimit-remaining")), (200, left));
    }
    profile(&gateway, &anna).await.is_problem(429, "rate.requests");
    let mut ben = claims(User);
    ben.sub = uuid::Uuid::from_u128(99);
    assert_eq!(profile(&gateway, &format!("Bearer {}", signed(ben))).await.status, 200);
}

#[tokio::test]
async fn a_new_account_says_where_it_is() {
    let (_test, gateway) = with_user_svc(GatewayConfig::default()).await;
    let body = json!({ "email": "a@example.org", "password": PASSWORD, "name": "Anna", "x": 1 });
    let answer = gateway.post("/api/users/register", body.to_string()).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let id = answer.body["id"].as_str().unwrap();
    assert_eq!(answer.header("location"), format!("/api/users/{id}"));
}

#[tokio::test]
async fn keys_and_health_are_for_everybody() {
    let (_test, gateway) = with_user_svc(GatewayConfig::default()).await;
    let keys = gateway.get("/.well-known/jwks.json").await;
    assert_eq!(keys.body["keys"][0]["x"], X);
    assert_eq!(keys.header("cache-control"), "public, max-age=300");
    let health = gateway.get("/health").await;
    assert_eq!((health.status.as_u16(), &health.body["status"]), (200, &json!("ok")));
    let user = json!({ "status": "CLOSED", "failures": 0, "instances": 1 });
    assert_eq!(health.body["services"], json!({ "user": user }));
    assert_eq!(gateway.get("/health/ready").await.status, 200);
}
