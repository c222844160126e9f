//! What a node is: its name, ports and password, remembered in a file, and the files and
//! variables that tell RabbitMQ so.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::release::{Program, Release};
use crate::ports;
use crate::secrets::{self, Secrets};

/// The one user that the node is born with. There is no `guest`.
const ADMIN: &str = "admin";

/// Keeps Erlang from starting a port mapper daemon of its own (it would stay behind), and the
/// port that nodes talk to each other on away from the network.
const ERL_ARGS: &str = "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}";

/// Everything below one folder that makes up a node.
#[derive(Debug)]
pub(super) struct Files {
    pub dir: PathBuf,
    pub identity: Identity,
    pub password: String,
    pub release: Release,
}

/// Chosen at the first start, and kept.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Identity {
    pub name: String,
    pub amqp: u16,
    pub management: u16,
    distribution: u16,
    pub epmd: u16,
}

impl Files {
    /// Reads what is remembered in `dir`, or chooses it, and writes what RabbitMQ reads.
    pub fn prepare(dir: &Path, secrets: &Secrets) -> Result<Self> {
        let release = Release::of_this_run()?;
        fs::create_dir_all(dir.join("home")).with_context(|| format!("make {}", dir.display()))?;
        let dir = dir.canonicalize().with_context(|| format!("find {}", dir.display()))?;
        let identity = Identity::remembered(&dir.join("node.json"))?;
        let files = Self { identity, password: secrets.password(ADMIN)?, dir, release };
        files.write()?;
        Ok(files)
    }

    pub fn admin(&self) -> (&'static str, &str) {
        (ADMIN, &self.password)
    }

    pub fn log(&self) -> PathBuf {
        self.dir.join("log/broker.log")
    }

    fn write(&self) -> Result<()> {
        let Identity { amqp, management, .. } = self.identity;
        let (user, password) = self.admin();
        // The user is made when the node starts for the first time, and kept in its data.
        let config = format!(
            "listeners.tcp.1 = 127.0.0.1:{amqp}\n\
             management.tcp.ip = 127.0.0.1\n\
             management.tcp.port = {management}\n\
             default_user = {user}\n\
             default_pass = {password}\n\
             log.console = false\n\
             log.file = broker.log\n"
        );
        secrets::write_private(&self.dir.join("rabbitmq.conf"), &config)?;
        fs::write(self.dir.join("enabled_plugins"), "[rabbitmq_management].\n")
            .context("write the list of plugins")
    }

    /// What to run, and its first arguments, to have `program` on this node.
    pub fn command_line(&self, program: Program) -> (PathBuf, Vec<OsString>) {
        self.release.command_line(program, &self.dir)
    }

    /// The variables for `rabbitmq-server` and `rabbitmqctl`. Each that is not set here would
    /// lead to the folders of a node of the system.
    pub fn env(&self) -> BTreeMap<String, OsString> {
        let inside = self.release.inside(&self.dir);
        let path = |name: &str| inside.join(name).into_os_string();
        let identity = &self.identity;
        let variables = [
            // Read by nobody but people who wonder whose process this is.
            ("WARREN_NODE", self.dir.clone().into_os_string()),
            ("HOME", path("home")), // holds the cookie, by which nodes trust each other
            ("LANG", "C.UTF-8".into()),
            ("RABBITMQ_NODENAME", identity.name.clone().into()),
            ("RABBITMQ_MNESIA_BASE", path("data")),
            ("RABBITMQ_LOG_BASE", path("log")),
            ("RABBITMQ_CONFIG_FILE", path("rabbitmq.conf")),
            ("RABBITMQ_CONFIG_FILES", path("conf.d")),
            ("RABBITMQ_ADVANCED_CONFIG_FILE", path("advanced.config")),
            ("RABBITMQ_CONF_ENV_FILE", "/dev/null".into()),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", path("enabled_plugins")),
            ("RABBITMQ_PID_FILE", path("rabbitmq.pid")),
            ("RABBITMQ_DIST_PORT", identity.distribution.to_string().into()),
            ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", ERL_ARGS.into()),
            ("RABBITMQ_CTL_ERL_ARGS", ERL_ARGS.into()),
            ("ERL_EPMD_PORT", identity.epmd.to_string().into()),
            ("ERL_EPMD_ADDRESS", "127.0.0.1".into()),
            // The script then becomes the broker, rather than standing between us and it.
            ("RUNNING_UNDER_SYSTEMD", "true".into()),
        ];
        variables.map(|(name, value)| (name.to_owned(), value)).into()
    }
}

impl Identity {
    fn remembered(path: &Path) -> Result<Self> {
        let identity = match fs::read_to_string(path) {
            Ok(json) => serde_json::from_str::<Self>(&json)
                .with_context(|| format!("read {}", path.display()))?
                .with_free_ports()?,
            Err(error) if error.kind() == ErrorKind::NotFound => Self::choose()?,
            Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
        };
        fs::write(path, serde_json::to_string_pretty(&identity)?)
            .with_context(|| format!("write {}", path.display()))?;
        Ok(identity)
    }

    fn choose() -> Result<Self> {
        Ok(Self {
            name: format!("warren-{}@localhost", secrets::random_hex::<4>()?),
            amqp: ports::choose()?,
            management: ports::choose()?,
            distribution: ports::choose()?,
            epmd: ports::choose()?,
        })
    }

    fn with_free_ports(self) -> Result<Self> {
        Ok(Self {
            name: self.name,
            amqp: ports::keep_or_choose(self.amqp)?,
            management: ports::keep_or_choose(self.management)?,
            distribution: ports::keep_or_choose(self.distribution)?,
            epmd: ports::keep_or_choose(self.epmd)?,
        })
    }
}
