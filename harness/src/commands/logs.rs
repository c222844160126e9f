//! `./dev logs`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use console::{Color, style};
use harness::checkout::Checkout;
use tokio::time::sleep;

/// What `logs` may be told.
#[derive(clap::Args)]
pub struct Options {
    /// The service; all of them if not given. `broker` shows RabbitMQ's.
    service: Option<String>,
}

const POLL: Duration = Duration::from_millis(200);

/// How much of what is already there is shown. Bytes, of each log.
const BACK: u64 = 4 << 10;

/// What is read of a log at once. Bytes.
const CHUNK: u64 = 64 << 10;

const COLORS: [Color; 6] =
    [Color::Cyan, Color::Green, Color::Magenta, Color::Yellow, Color::Blue, Color::Red];

/// A log that is being read.
struct Log {
    position: u64,
    /// The beginning of a line that is not yet complete.
    rest: Vec<u8>,
    color: Color,
}

/// Shows the end of each log, and then what comes, until interrupted.
pub async fn run(checkout: &Checkout, options: &Options) -> Result<ExitCode> {
    let mut logs = BTreeMap::new();
    loop {
        let paths = paths(checkout, options.service.as_deref());
        let several = paths.len() > 1;
        for (name, path) in paths {
            let color = COLORS[logs.len() % COLORS.len()];
            let log = logs.entry(name.clone()).or_insert_with(|| Log::open(&path, color));
            for line in log.lines(&path) {
                let prefix = style(format!("{name:<12} | ")).fg(log.color);
                let prefix = if several { prefix.to_string() } else { String::new() };
                let line = String::from_utf8_lossy(&line);
                if writeln!(io::stdout(), "{prefix}{line}").is_err() {
                    return Ok(ExitCode::SUCCESS); // nobody reads any more
                }
            }
        }
        sleep(POLL).await;
    }
}

/// The logs to show, by name. One may appear later: its service may not have started yet.
fn paths(checkout: &Checkout, service: Option<&str>) -> BTreeMap<String, PathBuf> {
    let broker = ("broker".to_owned(), checkout.run("broker/log/broker.log"));
    if service == Some("broker") {
        return [broker].into();
    }
    let entries = fs::read_dir(checkout.run("logs")).into_iter().flatten().flatten();
    let logs = entries.filter_map(|entry| {
        let name = entry.file_name().to_str()?.strip_suffix(".log")?.to_owned();
        Some((name, entry.path()))
    });
    let wanted = |name: &str| service.is_none_or(|service| name.split('.').next() == Some(service));
    logs.filter(|(name, _)| wanted(name)).collect()
}

impl Log {
    /// Opened near its end.
    fn open(path: &Path, color: Color) -> Self {
        let length = fs::metadata(path).map_or(0, |log| log.len());
        let mut log = Self { position: length.saturating_sub(BACK), rest: Vec::new(), color };
        if log.position > 0 && log.read(path).is_ok() {
            let half = log.rest.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            log.rest.drain(..half); // of a line whose beginning lies further back
        }
        log
    }

    /// The lines that have been completed since the last call.
    fn lines(&mut self, path: &Path) -> Vec<Vec<u8>> {
        // A log that cannot be read now may be read later.
        let _ = self.read(path);
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else {
            return Vec::new();
        };
        let rest = self.rest.split_off(end + 1);
        let complete = std::mem::replace(&mut self.rest, rest);
        complete[..end].split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
    }

    fn read(&mut self, path: &Path) -> io::Result<()> {
        let mut file = File::open(path)?;
        if file.metadata()?.len() < self.position {
            self.position = 0; // set aside, and begun anew
        }
        file.seek(SeekFrom::Start(self.position))?;
        let read = file.take(CHUNK).read_to_end(&mut self.rest)?;
        self.position += u64::try_from(read).unwrap_or(0);
        Ok(())
    }
}
