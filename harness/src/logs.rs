//! Log files of what we run.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// How much of the end of a log is looked at. Bytes.
const TAIL: u64 = 16 << 10;

const LINES: usize = 15;

/// The last lines of a log, to follow a message about why something failed: empty, or
/// beginning with a line that names the file.
pub fn last_lines(path: &Path) -> String {
    let Some(tail) = tail(path) else { return String::new() };
    let lines: Vec<_> = tail.lines().collect();
    let last = &lines[lines.len().saturating_sub(LINES)..];
    if last.is_empty() {
        return String::new();
    }
    format!("; the end of {}:\n    {}", path.display(), last.join("\n    "))
}

fn tail(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL))).ok()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
