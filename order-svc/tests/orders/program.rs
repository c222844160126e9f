//! The program: how it starts, stops and fails.

use std::process::{Child, Command, Stdio};

use common_messages::{order::GetOrder, services};
use mesh::{
    CallError,
    database::testing::{Backend, TestDatabase},
    testing::{PASSWORD, PATIENCE, TestMesh, eventually},
};
use uuid::Uuid;

use crate::system::caller;

/// Ended if the test fails.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn program(environment: &[(&str, &str)]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_order-svc"));
    program.env_clear().envs(environment.iter().copied()).current_dir(std::env::temp_dir());
    program
}

#[tokio::test]
async fn it_answers_until_a_signal_ends_it_cleanly() {
    for backend in Backend::ALL {
        let mesh = TestMesh::start(&services::all().unwrap()).await;
        let place = TestDatabase::start(backend).await;
        let environment = [
            ("AMQP_URL", mesh.amqp_url()),
            ("AMQP_PASSWORD", PASSWORD),
            ("DATABASE_URL", place.url()),
        ];
        let started = program(&environment).stderr(Stdio::null()).spawn();
        let mut running = Program(started.unwrap());
        let gateway = mesh.join("gateway").await;
        assert!(gateway.sees(order_svc::NAME, PATIENCE).await);
        let anna = caller(Uuid::now_v7(), "user");
        let told = gateway.call(GetOrder { id: Uuid::now_v7() }).caller(&anna).await;
        assert!(matches!(told, Err(CallError::Refused(_))), "{told:?}");
        let pid = running.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let status = eventually("it ends", async || running.0.try_wait().unwrap()).await;
        assert!(status.success(), "{status}");
        gateway.stop().await;
        mesh.finish().await;
    }
}

#[test]
fn what_is_wrong_at_start_is_one_line_that_names_the_variable() {
    for (environment, told) in [
        (("DATABASE_URL", "oracle://anna:s3cret@x"), "DATABASE_URL"),
        (("DATABASE_URL", "postgres://anna:s3cret@127.0.0.1:1/x"), "cannot connect"),
    ] {
        let output = program(&[environment, ("LOG_LEVEL", "warn")]).output().unwrap();
        let log = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        assert!(log.contains(told) && !log.contains("s3cret"), "{log}");
        assert_eq!(log.lines().count(), 1, "{log}");
    }
}
