//! Register, log in, look and change.

use e2e::System;
use serde_json::json;

#[tokio::test]
async fn anna_registers_logs_in_and_reads_her_profile() {
    let system = System::start().await;
    let nobody = system.client();
    let account = json!({ "email": "Anna@Example.com", "password": "correct horse" });

    let registered = nobody.post("/api/users/register", &account).await;
    assert_eq!(registered.status, 201);
    let id = registered.body["id"].as_str().unwrap();
    assert_eq!(registered.headers["location"], format!("/api/users/{id}"));
    assert_eq!(registered.body["name"], "Anna");
    assert!(registered.body.get("password").is_none(), "{registered:?}");

    let again = json!({ "email": "anna@example.COM", "password": "another horse" });
    nobody.post("/api/users/register", &again).await.is_problem(409, "user.email_taken");

    let anna = nobody.login("ANNA@example.com", "correct horse").await;
    for path in ["/api/users/profile", "/api/users/me", &format!("/api/users/{id}")] {
        let profile = anna.get(path).await;
        assert_eq!(profile.status, 200, "{path}");
        assert_eq!(profile.body, registered.body, "{path}");
    }
    let renamed = anna.put("/api/users/profile", &json!({ "name": "Anna B." })).await;
    assert_eq!((renamed.status.as_u16(), &renamed.body["name"]), (200, &json!("Anna B.")));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_are_told_alike() {
    let system = System::start().await;
    let nobody = system.client();
    nobody.register("bert").await;
    let try_login = async |email: &str| {
        let body = json!({ "email": email, "password": "wrong horse" });
        let answer = nobody.post("/api/users/login", &body).await;
        answer.is_problem(401, "user.wrong_credentials");
        answer.body["detail"].clone()
    };
    assert_eq!(try_login("bert@example.com").await, try_login("nobody@example.com").await);
}

#[tokio::test]
async fn others_see_a_name_and_administrators_see_all() {
    let system = System::start().await;
    let anna = system.client().register("anna").await;
    let bert = system.client().register("bert").await;
    let path = format!("/api/users/{}", anna.id);
    let seen = bert.get(&path).await;
    assert_eq!(seen.body, json!({ "id": anna.id, "name": "anna" }));
    let seen = system.admin().await.get(&path).await;
    assert_eq!(seen.body["email"], "anna@example.com");
    bert.put(&path, &json!({ "name": "Mallory" })).await.is_problem(403, "user.forbidden");
    system.client().get(&path).await.is_problem(401, "auth.no_token");
}

#[tokio::test]
async fn people_are_found_by_name_page_by_page() {
    let system = System::start().await;
    let nobody = system.client();
    let anna = nobody.register("anna").await;
    for n in 0..5 {
        nobody.register(&format!("search-{n}")).await;
    }
    let mut names = Vec::new();
    let mut path = "/api/users?query=SEAR&limit=2".to_owned();
    loop {
        let page = anna.get(&path).await;
        assert_eq!(page.status, 200, "{page:?}");
        let items = page.body["items"].as_array().unwrap();
        names.extend(items.iter().map(|user| user["name"].as_str().unwrap().to_owned()));
        let Some(cursor) = page.body["nextCursor"].as_str() else { break };
        path = format!("/api/users?query=SEAR&limit=2&cursor={cursor}");
    }
    assert_eq!(names, ["search-0", "search-1", "search-2", "search-3", "search-4"]);
}

#[tokio::test]
async fn a_token_can_be_checked_by_anybody() {
    let system = System::start().await;
    let anna = system.client().register("anna").await;
    let nobody = system.client();
    let token = anna.token.clone().unwrap();
    let good = nobody.post("/api/users/verify", &json!({ "token": token })).await;
    assert_eq!((good.status.as_u16(), &good.body["valid"]), (200, &json!(true)));
    assert_eq!(good.body["claims"]["sub"], anna.id);
    let bad = nobody.post("/api/users/verify", &json!({ "token": "not.a.token" })).await;
    assert_eq!((bad.status.as_u16(), &bad.body["valid"]), (200, &json!(false)));
    assert!(bad.body["reason"].is_string());
    let keys = nobody.get("/.well-known/jwks.json").await;
    assert_eq!(keys.body["keys"][0]["crv"], "Ed25519");
    assert!(keys.body["keys"][0].get("d").is_none(), "a private key is public");
}
