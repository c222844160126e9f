//! One Warren, from start to stop.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use common_messages::services;
use harness::{ports, process::Process, spec::Spec};
use mesh::{
    database::testing::{Backend, TestDatabase},
    testing::{PASSWORD, TestMesh, eventually},
};
use reqwest::Method;
use tempfile::TempDir;

use crate::client::Client;

/// The log-in of the administrator whom every system has.
pub const ADMIN: (&str, &str) = ("admin@example.com", "admin of the tests");

/// The services of which every system has as many instances as its plan says.
pub fn all_services() -> Vec<&'static str> {
    let manifests = services::all().expect("manifests that agree");
    manifests.iter().filter(|member| member.is_service()).map(|member| member.name).collect()
}

/// What a system is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Where services keep their data.
    pub backend: Backend,
    /// Instances of each service.
    pub instances: usize,
    /// Gateways.
    pub gateways: usize,
}

impl Plan {
    /// One of each on SQLite; or, where `E2E_DATABASE` says `postgres`, two of each service on
    /// PostgreSQL. `./dev test` tells all stories both ways.
    pub fn of_this_run() -> Self {
        match std::env::var("E2E_DATABASE").as_deref() {
            Ok("postgres") => Self { backend: Backend::Postgres, instances: 2, gateways: 1 },
            _ => Self { backend: Backend::Sqlite, instances: 1, gateways: 1 },
        }
    }
}

/// The built programs on a vhost and databases of their own.
#[derive(Debug)]
pub struct System {
    /// The broker's vhost.
    pub test: TestMesh,
    /// What it is made of.
    pub plan: Plan,
    gateway_ports: Vec<u16>,
    processes: BTreeMap<String, Process>,
    databases: BTreeMap<&'static str, TestDatabase>,
    settings: BTreeMap<String, String>,
    dir: TempDir,
}

impl System {
    /// Starts everything as this run's plan says, and waits until it is healthy.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with variables of one's own.
    pub async fn start_with(settings: &[(&str, &str)]) -> Self {
        Self::start_as(Plan::of_this_run(), settings).await
    }

    /// Starts everything as `plan` says, and waits until it is healthy.
    pub async fn start_as(plan: Plan, settings: &[(&str, &str)]) -> Self {
        let test = TestMesh::start(&services::all().expect("manifests that agree")).await;
        Self::start_on(test, plan, settings).await
    }

    /// The same on a vhost that is there already.
    pub async fn start_on(test: TestMesh, plan: Plan, settings: &[(&str, &str)]) -> Self {
        Self::prepare(test, plan, settings).await.up().await
    }

    /// Starts all of it, and waits until it is healthy.
    pub async fn up(mut self) -> Self {
        for name in self.names() {
            self.run(&name);
        }
        self.is_healthy().await;
        self
    }

    /// A system of which nothing runs yet.
    pub async fn prepare(test: TestMesh, plan: Plan, settings: &[(&str, &str)]) -> Self {
        let mut databases = BTreeMap::new();
        for service in all_services() {
            databases.insert(service, TestDatabase::start(plan.backend).await);
        }
        Self::with_databases(test, plan, databases, settings)
    }

    /// The same with databases that are there already.
    pub fn with_databases(
        test: TestMesh,
        plan: Plan,
        databases: BTreeMap<&'static str, TestDatabase>,
        settings: &[(&str, &str)],
    ) -> Self {
        let port = |_| ports::choose().expect("a free port");
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            test,
            plan,
            gateway_ports: (0..plan.gateways).map(port).collect(),
            processes: BTreeMap::new(),
            databases,
            settings: settings.iter().map(own).collect(),
            dir: TempDir::new().expect("a folder for the test"),
        }
    }

    /// The names of all its processes: `user-svc`, `user-svc.2`, `gateway`, …
    pub fn names(&self) -> Vec<String> {
        let count = |of: &'static str, many: usize| (0..many).map(move |nth| name(of, nth));
        let services = all_services().into_iter().flat_map(|of| count(of, self.plan.instances));
        services.chain(count("gateway", self.plan.gateways)).collect()
    }

    /// Starts the process of this name.
    pub fn run(&mut self, name: &str) {
        let (program, nth) = program_of(name);
        let dir = self.dir.path();
        let mut spec = Spec::new(name, built(program), dir, dir.join("pids"))
            .env("AMQP_URL", self.test.amqp_url())
            .env("AMQP_PASSWORD", PASSWORD)
            .env("BCRYPT_COST", "4")
            .env("ADMIN_EMAIL", ADMIN.0)
            .env("ADMIN_PASSWORD", ADMIN.1)
            .env("RATE_USER", "100000")
            .env("RATE_ANON", "100000")
            .env("RATE_LOGIN", "100000")
            .env("LOG_FORMAT", "json")
            .log(self.log_file(name));
        match self.databases.get(program) {
            Some(database) => spec = spec.env("DATABASE_URL", database.url()),
            None => {
                spec = spec.env("GATEWAY_ADDR", format!("127.0.0.1:{}", self.gateway_ports[nth]))
            }
        }
        for (name, value) in &self.settings {
            spec = spec.env(name, value);
        }
        let process = Process::start(&spec).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        self.processes.insert(name.to_owned(), process);
    }

    /// Sets a variable for what is started from here on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.insert(name.to_owned(), value.to_owned());
    }

    /// SIGKILL.
    pub fn kill(&mut self, name: &str) {
        self.process(name).kill();
        self.processes.remove(name);
    }

    /// SIGTERM, and how it ended.
    pub async fn stop(&mut self, name: &str) -> Option<std::process::ExitStatus> {
        let ended = self.process(name).stop(Duration::from_secs(15)).await;
        self.processes.remove(name);
        ended
    }

    /// SIGKILL to every instance of a service.
    pub fn kill_all(&mut self, service: &str) {
        for name in self.instances_of(service) {
            self.kill(&name);
        }
    }

    /// SIGTERM to every instance of a service.
    pub async fn stop_all(&mut self, service: &str) {
        for name in self.instances_of(service) {
            self.stop(&name).await;
        }
    }

    /// The names of all instances of a service.
    pub fn instances_of(&self, service: &str) -> Vec<String> {
        self.names().into_iter().filter(|name| program_of(name).0 == service).collect()
    }

    /// The process id of a running program.
    pub fn pid(&self, name: &str) -> i32 {
        self.processes.get(name).unwrap_or_else(|| panic!("{name} does not run")).pid()
    }

    fn process(&mut self, name: &str) -> &mut Process {
        self.processes.get_mut(name).unwrap_or_else(|| panic!("{name} does not run"))
    }

    /// A client of the first gateway, logged in as nobody.
    pub fn client(&self) -> Client {
        Client::new(&self.address())
    }

    /// A client of the nth gateway, counted from 0.
    pub fn client_of(&self, nth: usize) -> Client {
        Client::new(&address(self.gateway_ports[nth]))
    }

    /// The first gateway's address: `http://127.0.0.1:…`.
    pub fn address(&self) -> String {
        address(self.gateway_ports[0])
    }

    /// The administrator, logged in.
    pub async fn admin(&self) -> Client {
        self.client().login(ADMIN.0, ADMIN.1).await
    }

    /// Waits until a process has ended by itself.
    pub async fn ended(&mut self, name: &str) {
        self.process(name).ended().await;
        self.processes.remove(name);
    }

    /// What a process has logged so far.
    pub fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.log_file(name)).unwrap_or_default()
    }

    /// What all instances of a service have logged so far.
    pub fn log_of_all(&self, service: &str) -> String {
        self.instances_of(service).iter().map(|name| self.log(name)).collect()
    }

    /// Waits until every gateway is ready and says that all is well.
    pub async fn is_healthy(&self) {
        for nth in 0..self.plan.gateways {
            let client = self.client_of(nth);
            eventually("the system is healthy", async || {
                let asked = client.try_send(client.request(Method::GET, "/health"));
                let health = asked.await.ok()?;
                let all = all_services().iter().all(|service| {
                    let word = mesh::topology::word_of(service);
                    // One that was killed is counted until its silence is noticed.
                    let seen = health.body["services"][word]["instances"].as_u64();
                    seen.is_some_and(|seen| seen >= self.plan.instances as u64)
                });
                (health.body["status"] == "ok" && all).then_some(())
            })
            .await;
        }
    }

    fn log_file(&self, name: &str) -> PathBuf {
        self.dir.path().join(format!("{name}.log"))
    }
}

fn address(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// The first bears its program's name.
fn name(program: &str, nth: usize) -> String {
    if nth == 0 { program.to_owned() } else { format!("{program}.{}", nth + 1) }
}

fn program_of(name: &str) -> (&str, usize) {
    match name.split_once('.') {
        Some((program, number)) => (program, number.parse::<usize>().map_or(0, |n| n - 1)),
        None => (name, 0),
    }
}

/// The program that was built beside this one: a test stands one folder deeper.
fn built(program: &str) -> PathBuf {
    let own = std::env::current_exe().expect("the path of this program");
    let folders = own.ancestors().skip(1).take(2);
    let found = folders.map(|folder| folder.join(program)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{program} is not built: run ./dev test"))
}
