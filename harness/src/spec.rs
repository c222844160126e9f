//! What to start, and how.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::PipeWriter;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;

/// A log that has grown past this is set aside (as `<name>.1`) at the next start. Bytes.
const LOG_LIMIT: u64 = 8 << 20;

/// What to start, and how.
#[derive(Debug, Clone)]
pub struct Spec {
    /// What it is called in logs, messages and records.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Variables set for it, beside what it inherits.
    pub env: BTreeMap<String, OsString>,
    /// Whether it inherits our environment; if not, only `PATH`.
    pub inherits_env: bool,
    /// Where it runs.
    pub dir: PathBuf,
    /// Where its standard output and standard error go.
    pub output: Output,
    /// The folder that records it while it runs, for [`crate::leftovers::end`].
    pub records: PathBuf,
    /// What asks it to end gracefully.
    pub stop_signal: StopSignal,
    /// The user it runs as, if not ours (that takes root).
    pub user: Option<String>,
}

/// Where the output of a process goes.
#[derive(Debug, Clone)]
pub enum Output {
    /// To wherever ours goes.
    Ours,
    /// Appended to a file.
    Log(PathBuf),
    /// Into a pipe whose other end is read by us.
    Pipe(Arc<PipeWriter>),
}

/// What asks a process to end gracefully.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopSignal {
    /// SIGTERM: what nearly every program expects.
    Term,
    /// SIGINT: to PostgreSQL, "do not wait for your clients".
    Int,
}

impl Spec {
    /// `program` called `name`, run in `dir`, recorded in `records`, with our environment and
    /// output, stopped by SIGTERM.
    pub fn new(
        name: impl Into<String>,
        program: impl Into<PathBuf>,
        dir: impl Into<PathBuf>,
        records: impl Into<PathBuf>,
    ) -> Self {
        Self {
            name: name.into(),
            program: program.into(),
            args: Vec::new(),
            env: BTreeMap::new(),
            inherits_env: true,
            dir: dir.into(),
            output: Output::Ours,
            records: records.into(),
            stop_signal: StopSignal::Term,
            user: None,
        }
    }

    /// Adds arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<OsString>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Sends the output to a file.
    pub fn log(mut self, path: impl Into<PathBuf>) -> Self {
        self.output = Output::Log(path.into());
        self
    }

    /// The file that records the process while it runs.
    pub(crate) fn record(&self) -> PathBuf {
        self.records.join(format!("{}.pid", self.name))
    }

    /// The program behind `setpriv`, which has the kernel signal it when we are gone.
    pub(crate) fn command(&self) -> Result<Command> {
        // `setpriv` would only tell by how it ends.
        let missing = self.program.is_absolute() && !self.program.is_file();
        ensure!(!missing, "there is no such file");
        let mut command = Command::new("setpriv");
        if let Some(user) = &self.user {
            // Changing the user clears the signal, so it is set afterwards by a second one.
            command.args(["--reuid", user, "--regid", user, "--init-groups", "--", "setpriv"]);
        }
        command.args(["--pdeathsig", self.stop_signal.name(), "--"]);
        command.arg(&self.program).args(&self.args);
        if !self.inherits_env {
            command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        }
        command.envs(&self.env).current_dir(&self.dir).process_group(0).stdin(Stdio::null());
        match &self.output {
            Output::Ours => {}
            Output::Log(path) => {
                let log = open_log(path)?;
                command.stdout(log.try_clone().context("share the log")?).stderr(log);
            }
            Output::Pipe(pipe) => {
                command.stdout(pipe.try_clone().context("share the pipe")?);
                command.stderr(pipe.try_clone().context("share the pipe")?);
            }
        }
        Ok(command)
    }
}

impl StopSignal {
    fn name(self) -> &'static str {
        match self {
            Self::Term => "TERM",
            Self::Int => "INT",
        }
    }

    pub(crate) fn signal(self) -> Signal {
        match self {
            Self::Term => Signal::TERM,
            Self::Int => Signal::INT,
        }
    }
}

fn open_log(path: &Path) -> Result<File> {
    let opening = || format!("open {}", path.display());
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).with_context(opening)?;
    }
    if fs::metadata(path).is_ok_and(|log| log.len() > LOG_LIMIT) {
        let mut aside = path.as_os_str().to_owned();
        aside.push(".1");
        fs::rename(path, aside).with_context(opening)?;
    }
    OpenOptions::new().append(true).create(true).open(path).with_context(opening)
}
