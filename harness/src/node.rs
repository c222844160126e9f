//! A private RabbitMQ node: ports, data, users and log of its own, below one folder.

mod files;
mod release;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::{sleep, timeout};

use crate::management::{Greeting, Management};
use crate::process::Process;
use crate::secrets::Secrets;
use crate::spec::Spec;
use crate::{leftovers, logs};
use files::Files;
use release::Program;

/// A start takes about 6 s on two idle cores.
const START: Duration = Duration::from_secs(120);

/// A graceful stop takes about 1 s, and more where there is much to write down.
const STOP: Duration = Duration::from_secs(30);

/// An operation on a running node takes about 0.5 s.
const CONTROL: Duration = Duration::from_secs(60);

const POLL: Duration = Duration::from_millis(50);

/// What RabbitMQ itself uses: publishers are blocked above 40 % of the memory.
const MEMORY_SHARE: &str = "0.4";

/// A running RabbitMQ node with its management plugin, which listens on 127.0.0.1 only.
///
/// Dropping it kills it; [`Node::stop`] ends it gracefully. Its data stays, so that the next
/// start on the same folder continues with it, under the same ports.
#[derive(Debug)]
pub struct Node {
    files: Files,
    management: Management,
    broker: Process,
    port_mapper: Process,
}

impl Node {
    /// Starts a node on `dir` and waits until it answers. What an interrupted run left running
    /// there is ended first.
    pub async fn start(dir: &Path) -> Result<Self> {
        Self::start_with(dir, &Secrets::open(dir.join("secrets"))?).await
    }

    /// As [`Node::start`], with the password of `admin` kept among `secrets`.
    pub async fn start_with(dir: &Path, secrets: &Secrets) -> Result<Self> {
        leftovers::end(&dir.join("pids")).await?;
        let files = Files::prepare(dir, secrets)?;
        let management = Management::new(&management_url(&files))?;
        let port_mapper = start_port_mapper(&files).await?;
        let broker = start_broker(&files, &management).await?;
        Ok(Self { files, management, broker, port_mapper })
    }

    /// `amqp://127.0.0.1:PORT`, without credentials.
    pub fn amqp_url(&self) -> String {
        format!("amqp://127.0.0.1:{}", self.files.identity.amqp)
    }

    /// `http://127.0.0.1:PORT`, without credentials.
    pub fn management_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.files.identity.management)
    }

    /// `http://USER:PASSWORD@127.0.0.1:PORT`, of the administrator.
    pub fn management_url_with_login(&self) -> String {
        management_url(&self.files)
    }

    /// Name and password of the administrator.
    pub fn admin(&self) -> (&str, &str) {
        self.files.admin()
    }

    /// The management API as the administrator.
    pub fn management(&self) -> &Management {
        &self.management
    }

    /// RabbitMQ's version, such as `3.10.8`.
    pub fn version(&self) -> &str {
        self.files.release.version()
    }

    /// The broker's log.
    pub fn log(&self) -> PathBuf {
        self.files.log()
    }

    /// The process id of the broker.
    pub fn pid(&self) -> i32 {
        self.broker.pid()
    }

    /// Adds what the definitions hold: see [`Management::import_definitions`].
    pub async fn import_definitions(&self, definitions: &Value) -> Result<()> {
        self.management.import_definitions(definitions).await
    }

    /// Stops RabbitMQ inside the running node: every connection is closed, data stays.
    pub async fn stop_app(&self) -> Result<()> {
        self.quicken_stop().await;
        self.control(&["stop_app"]).await
    }

    /// Starts RabbitMQ again after [`Node::stop_app`], and waits until it answers.
    pub async fn start_app(&self) -> Result<()> {
        self.control(&["start_app"]).await?;
        ready(&self.files, &self.management, &self.broker).await
    }

    /// Switches the memory alarm on or off. While it is on, every connection that publishes
    /// is blocked.
    pub async fn memory_alarm(&self, on: bool) -> Result<()> {
        let share = if on { "0.0000001" } else { MEMORY_SHARE };
        self.control(&["set_vm_memory_high_watermark", share]).await
    }

    /// Closes every AMQP connection, telling each client the reason.
    pub async fn close_all_connections(&self, reason: &str) -> Result<()> {
        self.control(&["close_all_connections", reason]).await
    }

    /// Runs `rabbitmqctl` on this node.
    pub async fn control(&self, args: &[&str]) -> Result<()> {
        control(&self.files, args).await
    }

    /// Kills the broker (SIGKILL), as a power failure would. [`Node::restart`] starts it again.
    pub fn kill(&mut self) {
        self.broker.kill();
    }

    /// Waits until the broker has ended, by itself or by a signal.
    pub async fn ended(&self) -> Option<ExitStatus> {
        self.broker.ended().await
    }

    /// Starts the broker again after [`Node::kill`], on the same data and ports.
    pub async fn restart(&mut self) -> Result<()> {
        self.broker.kill();
        if self.port_mapper.status().is_some() {
            self.port_mapper = start_port_mapper(&self.files).await?;
        }
        self.broker = start_broker(&self.files, &self.management).await?;
        Ok(())
    }

    /// Ends the node gracefully. Nothing of it runs when this returns.
    pub async fn stop(self) {
        self.quicken_stop().await;
        self.broker.stop(STOP).await;
    }

    async fn quicken_stop(&self) {
        let Some(expression) = self.files.release.quickens_stop() else { return };
        if self.broker.status().is_some() {
            return;
        }
        // If it fails the stop takes longer, and no more.
        let _ = timeout(Duration::from_secs(5), self.control(&["eval", expression])).await;
    }
}

/// Starts what tells `rabbitmqctl` the node's port by its name.
async fn start_port_mapper(files: &Files) -> Result<Process> {
    let port_mapper = Process::start(&spec(files, "epmd", Program::PortMapper))?;
    listening(files.identity.epmd, &port_mapper).await?;
    Ok(port_mapper)
}

async fn start_broker(files: &Files, management: &Management) -> Result<Process> {
    let broker = Process::start(&spec(files, "broker", Program::Server))?;
    ready(files, management, &broker).await?;
    Ok(broker)
}

fn spec(files: &Files, name: &str, program: Program) -> Spec {
    let output = files.dir.join(format!("log/{name}.out"));
    let (program, args) = files.command_line(program);
    let spec = Spec::new(name, program, &files.dir, files.dir.join("pids")).args(args).log(output);
    Spec { env: files.env(), inherits_env: false, ..spec }
}

fn management_url(files: &Files) -> String {
    let (user, password) = files.admin();
    format!("http://{user}:{password}@127.0.0.1:{}", files.identity.management)
}

/// Runs `rabbitmqctl` on a node.
async fn control(files: &Files, args: &[&str]) -> Result<()> {
    let what = || format!("rabbitmqctl {}", args.join(" "));
    let (program, first) = files.command_line(Program::Control);
    let mut command = Command::new(program);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.envs(files.env()).args(first).args(args).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(CONTROL, command.output()).await.with_context(what)?;
    let output = output.with_context(what)?;
    if !output.status.success() {
        bail!("{}: {}", what(), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

async fn ready(files: &Files, management: &Management, broker: &Process) -> Result<()> {
    let answers = async {
        loop {
            match management.greets().await {
                Greeting::Known => break listening(files.identity.amqp, broker).await,
                // The password is kept apart from the node's data, and was lost: set it anew.
                Greeting::Unknown => set_password(files).await?,
                Greeting::Silent => sleep(POLL).await,
            }
        }
    };
    tokio::select! {
        answers = timeout(START, answers) => match answers {
            Ok(answers) => answers,
            Err(_) => bail!("the broker did not answer within {START:?}{}", logs::end_of(&files.log())),
        },
        _ = broker.ended() => bail!("the broker ended while it started{}", logs::end_of(&files.log())),
    }
}

async fn set_password(files: &Files) -> Result<()> {
    let (user, password) = files.admin();
    let change = control(files, &["change_password", user, password]).await;
    change.map_err(|_| anyhow!("the broker does not accept a new password for {user}"))
}

/// Waits until somebody listens on the port.
async fn listening(port: u16, process: &Process) -> Result<()> {
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        if process.status().is_some() {
            bail!("{} ended while it started", process.name());
        }
        sleep(POLL).await;
    }
    Ok(())
}

/// Removes a node's folder, so that the next start on it is the first one.
pub async fn forget(dir: &Path) -> Result<()> {
    leftovers::end(&dir.join("pids")).await?;
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", dir.display()))
        }
        _ => Ok(()),
    }
}
