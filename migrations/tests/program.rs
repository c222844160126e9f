//! The program `migrate`, as an operator runs it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail loudly")]

use std::process::{Command, Output};

use mesh::database::testing::{Backend, TestDatabase};

fn migrate(url: &str, arguments: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_migrate"));
    program.args(arguments).env("DATABASE_URL", url).output().unwrap()
}

#[tokio::test]
async fn it_says_what_is_pending_applies_it_and_says_so() {
    for backend in Backend::ALL {
        let test = TestDatabase::start(backend).await;
        for (action, state) in [("status", "pending"), ("up", "applied"), ("status", "applied")] {
            let output = migrate(test.url(), &["user-svc", action]);
            assert!(output.status.success(), "{output:?}");
            let said = String::from_utf8(output.stdout).unwrap();
            assert!(said.lines().all(|line| line.starts_with(state)), "{said}");
            assert!(said.contains(&format!("{state}  0001_accounts\n")), "{said}");
        }
    }
}

#[test]
fn what_is_wrong_is_told_in_one_line_without_the_password() {
    let unreachable = "postgres://anna:s3cret@127.0.0.1:1/x";
    for (url, service, why) in [
        (unreachable, "user-svc", "cannot connect to the database postgres://anna@127.0.0.1:1/x"),
        ("oracle://anna:s3cret@x", "user-svc", "DATABASE_URL"),
        (unreachable, "lamp-svc", "invalid value 'lamp-svc'"),
    ] {
        let output = migrate(url, &[service, "up"]);
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        assert!(told.contains(why) && !told.contains("s3cret"), "{told}");
        assert_eq!(told.trim_end().lines().count(), 1, "{told}");
    }
}
