//! A private PostgreSQL server.

#![cfg(test)]

use std::path::Path;
use std::process::Command;

use harness::postgres::{self, Postgres, THROWAWAY};

fn ask(url: &str, statement: &str) -> Option<String> {
    let output = Command::new("psql").args([url, "-Atqc", statement]).output().unwrap();
    let answer = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(answer)
}

fn runs(pid: i32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[tokio::test]
async fn a_server_answers_keeps_its_data_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let server = Postgres::start(dir.path(), THROWAWAY).await.unwrap();
    assert_eq!(ask(&server.url("postgres"), "select 1").as_deref(), Some("1"));
    let intruder = server.url("postgres").replace("warren:", "warren:x");
    assert_eq!(ask(&intruder, "select 1"), None, "a wrong password is refused");
    ask(&server.url("postgres"), "create database orders").unwrap();
    let pid = server.pid();
    server.stop().await;
    assert!(!runs(pid));

    let server = Postgres::start(dir.path(), &[]).await.unwrap();
    assert_eq!(ask(&server.url("orders"), "show fsync").as_deref(), Some("on"));
    let pid = server.pid();
    drop(server);
    assert!(!runs(pid));

    postgres::forget(dir.path()).await.unwrap();
    assert!(!dir.path().exists());
}
