//! The program: how it starts, stops, fails, and what it never writes.

use std::{
    fs::File,
    process::{Child, Command, ExitStatus},
};

use common_messages::user::{ChangePassword, EndSession, Refresh, UpdateUser};
use mesh::{
    database::testing::Backend,
    testing::{PASSWORD as BROKER_PASSWORD, PATIENCE, eventually},
};
use tempfile::TempDir;

use crate::system::{PASSWORD, System, login, registration};

/// A running user-svc.
struct Program {
    process: Child,
    folder: TempDir,
}

impl Program {
    /// Starts it in a folder of its own, with nothing in its environment but this.
    fn start(environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let mut program = Command::new(env!("CARGO_BIN_EXE_user-svc"));
        program.env_clear().envs(environment.iter().copied());
        let process = program.current_dir(&folder).stderr(log).spawn().unwrap();
        Self { process, folder }
    }

    async fn ended(&mut self) -> ExitStatus {
        eventually("user-svc ends", async || self.process.try_wait().unwrap()).await
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn secrets_are_never_logged_and_a_signal_ends_it_cleanly() {
    for backend in Backend::ALL {
        let system = System::empty(backend).await;
        let mut program = Program::start(&[
            ("AMQP_URL", system.mesh.amqp_url()),
            ("AMQP_PASSWORD", BROKER_PASSWORD),
            ("DATABASE_URL", system.database.url()),
            ("BCRYPT_COST", "4"),
            ("ADMIN_EMAIL", "root@example.org"),
            ("ADMIN_PASSWORD", "password of the root"),
            ("LOG_LEVEL", "trace"),
            ("LOG_FORMAT", "json"),
        ]);
        assert!(system.gateway.sees(user_svc::NAME, PATIENCE).await, "{}", program.log());
        system.register("anna@x.org").await;
        let given = system.log_in("anna@x.org").await;
        let anna = system.caller(&given).await;
        system.ask(login("anna@x.org", "another wrong one")).await.unwrap_err();
        system.ask(registration("anna@x.org")).await.unwrap_err();
        let renamed = UpdateUser { id: anna.user_id, name: Some("Änne".into()), email: None };
        system.ask_as(&anna, renamed).await.unwrap();
        assert!(system.is_good(&given).await);
        let refresh_token = given.refresh_token.clone();
        let next = system.ask(Refresh { refresh_token }).await.unwrap();
        let [current, new] = [PASSWORD, "yet another one"].map(|text| text.to_owned().into());
        system.ask_as(&anna, ChangePassword { current, new }).await.unwrap();
        let refresh_token = next.refresh_token.clone();
        system.ask(EndSession { refresh_token }).await.unwrap();

        let pid = program.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let status = program.ended().await;
        let log = program.log();
        assert!(status.success(), "{status} {log}");
        for told in ["made a signing key", "registered", "logged in", "user.login", "SELECT"] {
            assert!(log.contains(told), "{told} is missing in {log}");
        }
        let [access, refresh] = [&given.access_token, &given.refresh_token].map(|t| t.expose());
        let signature = access.rsplit('.').next().unwrap();
        let database_password = password_in(system.database.url());
        for secret in [
            PASSWORD,
            "another wrong one",
            "yet another one",
            "password of the root",
            BROKER_PASSWORD,
            database_password,
            access,
            signature,
            refresh,
            next.access_token.expose(),
            next.refresh_token.expose(),
            "$2b$",
        ] {
            let line = log.lines().find(|line| !secret.is_empty() && line.contains(secret));
            assert_eq!(line, None, "{secret} is in the log");
        }
        system.finish().await;
    }
}

fn password_in(url: &str) -> &str {
    let login = url.split_once("://").and_then(|(_, rest)| rest.split_once('@'));
    login.and_then(|(login, _)| login.split_once(':')).map_or("", |(_, password)| password)
}

#[tokio::test]
async fn what_is_wrong_at_start_is_one_line_that_names_the_variable() {
    for (environment, told) in [
        (&[("BCRYPT_COST", "99")][..], "BCRYPT_COST"),
        (&[("ACCESS_TOKEN_SECONDS", "soon")], "ACCESS_TOKEN_SECONDS"),
        (&[("DATABASE_URL", "oracle://anna:s3cret@x")], "DATABASE_URL"),
        (&[("DATABASE_URL", "postgres://anna:s3cret@127.0.0.1:1/x")], "cannot connect"),
        (&[("ADMIN_EMAIL", "root@example.org")], "ADMIN_PASSWORD"),
        (&[("ADMIN_EMAIL", "root"), ("ADMIN_PASSWORD", "s3cret s3cret")], "ADMIN_EMAIL is not"),
        (&[("SECRETS_DIR", "nowhere")], "AMQP_PASSWORD is not set"),
    ] {
        let mut program = Program::start(&[environment, &[("LOG_LEVEL", "warn")]].concat());
        let status = program.ended().await;
        let log = program.log();
        assert!(!status.success(), "{environment:?}");
        assert!(log.contains(told) && !log.contains("s3cret"), "{log}");
        assert_eq!(log.lines().count(), 1, "{log}");
    }
}
