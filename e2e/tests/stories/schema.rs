//! The OpenAPI document against what the gateway does, for every row: tried by schemathesis,
//! which makes requests from the document, good and bad, and compares the answers with it.

use std::{path::Path, process::Stdio, time::Duration};

use e2e::System;
use tokio::{process::Command, time::timeout};

/// It takes about a minute.
const LONGEST: Duration = Duration::from_secs(300);

/// What schemathesis is told, beside the address.
const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/api/schemathesis.toml");

#[tokio::test]
async fn every_answer_is_one_that_the_document_describes() {
    let program =
        std::env::var_os("SCHEMATHESIS").expect("SCHEMATHESIS is not set: run ./dev test");
    let system = System::start_with(&[("RATE_LOGIN_FAILURES", "100000")]).await;
    let admin = system.admin().await;
    let leaver = system.client().register("leaver").await;
    let dir = tempfile::tempdir().unwrap(); // it leaves files where it runs
    let mut schemathesis = Command::new(&program);
    schemathesis
        .args(["--config-file", CONFIG, "run", &format!("{}/api/openapi.json", system.address())])
        .env("TOKEN", admin.token.as_deref().unwrap())
        .env("LEAVER_TOKEN", leaver.token.as_deref().unwrap())
        .env("LEAVER_ID", &leaver.id)
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let ran = timeout(LONGEST, schemathesis.output()).await.expect("schemathesis ends in time");
    let ran = ran.unwrap_or_else(|error| panic!("{}: {error}", Path::new(&program).display()));
    let output = String::from_utf8_lossy(&ran.stdout);
    let errors = String::from_utf8_lossy(&ran.stderr);
    println!("{output}\n{errors}");
    let profile = admin.get("/api/users/profile").await;
    assert_eq!(profile.status, 200, "it has locked itself out, and seen 401 from then on");
    assert!(ran.status.success(), "the gateway does not do what the document says: see above");
}
