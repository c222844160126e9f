//! A private PostgreSQL server: port, data and password of its own, below one folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::{sleep, timeout};

use crate::process::Process;
use crate::secrets::{self, Secrets};
use crate::spec::{Spec, StopSignal};
use crate::{leftovers, logs, ports};

/// Where the packages put each version's programs.
const VERSIONS: &str = "/usr/lib/postgresql";

/// PostgreSQL refuses to run as root; this user comes with the package.
const UNPRIVILEGED: &str = "postgres";

const OWNER: &str = "warren";

const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(50);

/// Settings for tests, whose data need not survive the machine.
pub const THROWAWAY: &[&str] =
    &["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=300"];

/// A running PostgreSQL server, which listens on 127.0.0.1 only.
///
/// Dropping it kills it; its data stays, so that the next start on the same folder continues
/// with it.
#[derive(Debug)]
pub struct Postgres {
    port: u16,
    password: String,
    server: Process,
}

impl Postgres {
    /// Starts a server on `dir` and waits until it answers. `settings` are `name=value`, such
    /// as [`THROWAWAY`].
    pub async fn start(dir: &Path, settings: &[&str]) -> Result<Self> {
        leftovers::end(&dir.join("pids")).await?;
        fs::create_dir_all(dir).with_context(|| format!("make {}", dir.display()))?;
        let dir = &dir.canonicalize().with_context(|| format!("find {}", dir.display()))?;
        let programs = programs()?;
        let password = Secrets::open(dir.join("secrets"))?.password(OWNER)?;
        let data = Data::prepare(dir)?;
        if !data.is_made() {
            data.make(&programs, &password)?;
        }
        let port = ports::choose()?;
        let log = dir.join("postgres.log");
        let mut spec = Spec::new("postgres", programs.join("postgres"), "/", dir.join("pids"))
            .args(["-D".as_ref(), data.path.as_os_str()])
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="])
            .args(["-p", &port.to_string()])
            .args(settings.iter().flat_map(|setting| ["-c", *setting]))
            .log(&log);
        spec.stop_signal = StopSignal::Int;
        spec.user = data.user.map(str::to_owned);
        let server = Process::start(&spec)?;
        ready(&programs, port, &server, &log).await?;
        Ok(Self { port, password, server })
    }

    /// `postgres://USER:PASSWORD@127.0.0.1:PORT`: the server, whose owner may make databases.
    pub fn server_url(&self) -> String {
        format!("postgres://{OWNER}:{}@127.0.0.1:{}", self.password, self.port)
    }

    /// The URL of one database, which may or may not exist.
    pub fn url(&self, database: &str) -> String {
        format!("{}/{database}", self.server_url())
    }

    /// The process id of the server.
    pub fn pid(&self) -> i32 {
        self.server.pid()
    }

    /// Ends the server: clients are disconnected, data is written down.
    pub async fn stop(self) {
        self.server.stop(STOP).await;
    }
}

/// Ends a server that is left over in `dir`, and removes its data.
pub async fn forget(dir: &Path) -> Result<()> {
    leftovers::end(&dir.join("pids")).await?;
    if let Some(elsewhere) = Elsewhere::remembered(dir) {
        remove(&elsewhere)?;
    }
    remove(dir)
}

/// Where the data is, and who owns it.
struct Data {
    path: PathBuf,
    user: Option<&'static str>,
}

impl Data {
    fn prepare(dir: &Path) -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self { path: dir.join("data"), user: None });
        }
        let base = if reachable(dir) { dir.to_path_buf() } else { Elsewhere::get(dir)? };
        let path = base.join("data");
        run(Command::new("install").args(["-d", "-m", "700", "-o", UNPRIVILEGED]).arg(&path))?;
        Ok(Self { path, user: Some(UNPRIVILEGED) })
    }

    fn is_made(&self) -> bool {
        self.path.join("PG_VERSION").is_file()
    }

    fn make(&self, programs: &Path, password: &str) -> Result<()> {
        // Handed over by a file in the data folder, which initdb wants empty: so beside it.
        let handover = self.path.with_extension("password");
        secrets::write_private(&handover, password)?;
        if let Some(user) = self.user {
            run(Command::new("chown").arg(user).arg(&handover))?;
        }
        let mut initdb = self.as_owner(&programs.join("initdb"));
        initdb.arg("-D").arg(&self.path).arg("--pwfile").arg(&handover);
        initdb.args(["-U", OWNER, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8"]);
        let made = run(initdb.arg("--no-sync"));
        fs::remove_file(&handover).context("remove the password that was handed over")?;
        made.map(drop)
    }

    fn as_owner(&self, program: &Path) -> Command {
        let Some(user) = self.user else { return Command::new(program) };
        let mut command = unprivileged(user);
        command.arg(program);
        command
    }
}

fn unprivileged(user: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid", user, "--regid", user, "--init-groups", "--"]);
    command
}

/// Whether the unprivileged user may get to a folder: a checkout below `/root` is out of reach.
fn reachable(dir: &Path) -> bool {
    run(unprivileged(UNPRIVILEGED).args(["test", "-x"]).arg(dir)).is_ok()
}

/// Where the data is if `dir` is out of reach: a folder below `/tmp`, whose name is remembered
/// in `dir`.
struct Elsewhere;

impl Elsewhere {
    const RECORD: &str = "elsewhere";

    fn remembered(dir: &Path) -> Option<PathBuf> {
        let path = PathBuf::from(fs::read_to_string(dir.join(Self::RECORD)).ok()?.trim());
        path.is_dir().then_some(path)
    }

    fn get(dir: &Path) -> Result<PathBuf> {
        if let Some(path) = Self::remembered(dir) {
            return Ok(path);
        }
        let path = run(Command::new("mktemp").args(["-d", "/tmp/warren-postgres-XXXXXXXX"]))?;
        run(Command::new("chown").args([UNPRIVILEGED, &path]))?;
        fs::write(dir.join(Self::RECORD), &path).context("remember where the data is")?;
        Ok(path.into())
    }
}

/// The programs of the newest version installed.
fn programs() -> Result<PathBuf> {
    let versions = fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|version| Path::new(VERSIONS).join(format!("{version}/bin/postgres")).is_file())
        .max();
    let newest = newest.with_context(|| {
        format!("no PostgreSQL below {VERSIONS}: install the package postgresql")
    })?;
    Ok(Path::new(VERSIONS).join(format!("{newest}/bin")))
}

async fn ready(programs: &Path, port: u16, server: &Process, log: &Path) -> Result<()> {
    let mut asks = tokio::process::Command::new(programs.join("pg_isready"));
    asks.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]);
    let answers = async {
        while !asks.status().await.context("run pg_isready")?.success() {
            if server.status().is_some() {
                bail!("PostgreSQL ended while it started{}", logs::end_of(log));
            }
            sleep(POLL).await;
        }
        Ok(())
    };
    timeout(START, answers).await.context("PostgreSQL did not answer in time")?
}

/// Runs a program to its end, and answers with what it printed.
fn run(command: &mut Command) -> Result<String> {
    // From a folder that everybody may enter.
    let output = command.current_dir("/").stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("run {:?}", command.get_program()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{:?} failed: {}", command.get_program(), said.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn remove(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", dir.display()))
        }
        _ => Ok(()),
    }
}
