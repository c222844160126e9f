//! One Warren, from start to stop.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use common_messages::services;
use harness::{ports, process::Process, spec::Spec};
use mesh::testing::{PASSWORD, TestMesh, eventually};
use tempfile::TempDir;

use crate::client::Client;

/// The log-in of the administrator whom every system has.
pub const ADMIN: (&str, &str) = ("admin@example.com", "admin of the tests");

/// The built programs on a vhost and databases of their own.
#[derive(Debug)]
pub struct System {
    /// The broker's vhost.
    pub test: TestMesh,
    gateway_port: u16,
    processes: BTreeMap<String, Process>,
    settings: BTreeMap<String, String>,
    dir: TempDir,
}

impl System {
    /// Starts everything and waits until it is healthy.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with variables of one's own.
    pub async fn start_with(settings: &[(&str, &str)]) -> Self {
        let test = TestMesh::start(&services::all().expect("manifests that agree")).await;
        let mut system = Self::prepare(test, settings);
        system.run("user-svc");
        system.run("gateway");
        system.is_healthy().await;
        system
    }

    /// A system of which nothing runs yet.
    pub fn prepare(test: TestMesh, settings: &[(&str, &str)]) -> Self {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            test,
            gateway_port: ports::choose().expect("a free port"),
            processes: BTreeMap::new(),
            settings: settings.iter().map(own).collect(),
            dir: TempDir::new().expect("a folder for the test"),
        }
    }

    /// Starts one of the programs.
    pub fn run(&mut self, program: &str) {
        let dir = self.dir.path();
        let database = format!("sqlite://{}/{{service}}.db?mode=rwc", dir.display());
        let mut spec = Spec::new(program, built(program), dir, dir.join("pids"))
            .env("AMQP_URL", self.test.amqp_url())
            .env("AMQP_PASSWORD", PASSWORD)
            .env("DATABASE_URL", database)
            .env("BCRYPT_COST", "4")
            .env("ADMIN_EMAIL", ADMIN.0)
            .env("ADMIN_PASSWORD", ADMIN.1)
            .env("GATEWAY_ADDR", format!("127.0.0.1:{}", self.gateway_port))
            .env("RATE_USER", "100000")
            .env("RATE_ANON", "100000")
            .env("RATE_LOGIN", "100000")
            .env("LOG_FORMAT", "json")
            .log(self.log_file(program));
        for (name, value) in &self.settings {
            spec = spec.env(name, value);
        }
        let process = Process::start(&spec).unwrap_or_else(|error| panic!("{program}: {error:#}"));
        self.processes.insert(program.to_owned(), process);
    }

    /// Sets a variable for what is started from here on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.insert(name.to_owned(), value.to_owned());
    }

    /// SIGKILL.
    pub fn kill(&mut self, program: &str) {
        self.process(program).kill();
        self.processes.remove(program);
    }

    /// SIGTERM, and how it ended.
    pub async fn stop(&mut self, program: &str) -> Option<std::process::ExitStatus> {
        let ended = self.process(program).stop(Duration::from_secs(15)).await;
        self.processes.remove(program);
        ended
    }

    /// The process id of a running program.
    pub fn pid(&self, program: &str) -> i32 {
        self.processes.get(program).unwrap_or_else(|| panic!("{program} does not run")).pid()
    }

    fn process(&mut self, program: &str) -> &mut Process {
        self.processes.get_mut(program).unwrap_or_else(|| panic!("{program} does not run"))
    }

    /// A client of the gateway, logged in as nobody.
    pub fn client(&self) -> Client {
        Client::new(&self.address())
    }

    /// The gateway's address: `http://127.0.0.1:…`.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.gateway_port)
    }

    /// The administrator, logged in.
    pub async fn admin(&self) -> Client {
        self.client().login(ADMIN.0, ADMIN.1).await
    }

    /// What a program has logged so far.
    pub fn log(&self, program: &str) -> String {
        std::fs::read_to_string(self.log_file(program)).unwrap_or_default()
    }

    /// Waits until the gateway is ready and says that all is well.
    pub async fn is_healthy(&self) {
        let client = self.client();
        eventually("the system is healthy", async || {
            let answer = client.try_send(client.request(reqwest::Method::GET, "/health")).await.ok()?;
            (answer.status == 200 && answer.body["status"] == "ok").then_some(())
        })
        .await;
    }

    fn log_file(&self, program: &str) -> PathBuf {
        self.dir.path().join(format!("{program}.log"))
    }
}

/// The program that was built beside this one: a test stands one folder deeper.
fn built(program: &str) -> PathBuf {
    let own = std::env::current_exe().expect("the path of this program");
    let folders = own.ancestors().skip(1).take(2);
    let found = folders.map(|folder| folder.join(program)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{program} is not built: run ./dev test"))
}
