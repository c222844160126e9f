//! Which RabbitMQ a node runs, and all in which 3.10 and 4 differ for us.
//!
//! Without further word it is the one that the system has installed (Debian 12: 3.10).
//! `WARREN_RABBITMQ_ROOT` names another: a folder that holds a whole small system with RabbitMQ
//! in it, such as `./dev test --rabbitmq 4` makes. Its programs see that folder as `/`, and
//! the node's own as [`INSIDE`]. What has to be mounted for that is mounted for the one
//! process alone (`unshare`), so that it is gone when the process is, however it ends.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// Names the folder of another RabbitMQ than the system's.
const ROOT: &str = "WARREN_RABBITMQ_ROOT";

/// Where the packages put what runs as whoever calls it. (The programs in the `PATH` change to
/// the user `rabbitmq`, who may not read a checkout.)
const PROGRAMS: &str = "usr/lib/rabbitmq";

/// Where programs in another root see the node's folder. Every system has this one, empty.
const INSIDE: &str = "/mnt";

/// Run by a shell with the root, the node's folder, and what to run.
const ENTER: &str = r#"
root=$1 node=$2 inside=$3; shift 3
mount --bind "$node" "$root$inside"
mount --bind /proc "$root/proc"
exec chroot "$root" env --chdir="$inside" "$@"
"#;

/// A RabbitMQ on this machine.
#[derive(Debug)]
pub(super) struct Release {
    root: Option<PathBuf>,
    version: String,
}

impl Release {
    /// The one that this run is to use.
    pub fn of_this_run() -> Result<Self> {
        let root = env::var_os(ROOT).filter(|root| !root.is_empty()).map(PathBuf::from);
        let version = version(root.as_deref().unwrap_or("/".as_ref()))?;
        let may_enter = root.is_none() || rustix::process::geteuid().is_root();
        ensure!(may_enter, "RabbitMQ {version} has a root folder of its own, which takes root");
        Ok(Self { root, version })
    }

    /// Such as `4.0.5`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What to run, and its first arguments, to have `program` on the node whose folder is `dir`.
    pub fn command_line(&self, program: Program, dir: &Path) -> (PathBuf, Vec<OsString>) {
        let Some(root) = &self.root else { return (program.path(), Vec::new()) };
        let enter = ["--mount", "sh", "-euc", ENTER, "enter"].map(OsString::from);
        let which = [root.into(), dir.into(), INSIDE.into(), program.path().into()];
        ("unshare".into(), enter.into_iter().chain(which).collect())
    }

    /// How its programs see the node's folder.
    pub fn inside(&self, dir: &Path) -> PathBuf {
        if self.root.is_some() { INSIDE.into() } else { dir.to_path_buf() }
    }

    /// What to have a running node do so that it stops in 1 s rather than 6 s.
    ///
    /// In 3.10 the management plugin's event handler, when it is stopped along with everything,
    /// asks Erlang's application controller to change a setting, which is waiting for that very
    /// handler. Taken out beforehand it does not. 4 has no such trouble.
    pub fn quickens_stop(&self) -> Option<&'static str> {
        let take_out = "gen_event:delete_handler(rabbit_event, rabbit_mgmt_db_handler, stop).";
        self.version.starts_with("3.").then_some(take_out)
    }
}

/// What is run of a release.
#[derive(Debug, Clone, Copy)]
pub(super) enum Program {
    /// The broker.
    Server,
    /// What controls it.
    Control,
    /// Erlang's port mapper.
    PortMapper,
}

impl Program {
    fn path(self) -> PathBuf {
        let script = |name| Path::new("/").join(PROGRAMS).join("bin").join(name);
        match self {
            Self::Server => script("rabbitmq-server"),
            Self::Control => script("rabbitmqctl"),
            Self::PortMapper => "epmd".into(),
        }
    }
}

/// What the package calls its folder: `rabbitmq_server-4.0.5`.
fn version(root: &Path) -> Result<String> {
    let dir = root.join(PROGRAMS).join("lib");
    let entries = fs::read_dir(&dir).into_iter().flatten().flatten();
    let mut names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let version = names.find_map(|name| Some(name.strip_prefix("rabbitmq_server-")?.to_owned()));
    version.with_context(|| {
        format!("there is no RabbitMQ in {}: install the package rabbitmq-server", dir.display())
    })
}
