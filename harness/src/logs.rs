//! Log files of what we run.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// How much of the end of a log is looked at. Bytes.
const TAIL: u64 = 16 << 10;

const LINES: usize = 15;

/// The end of a log, to follow a message about why something failed: empty, or beginning with
/// the name of the file.
pub fn end_of(path: &Path) -> String {
    let lines = last_lines(path, LINES).map(|lines| lines.replace('\n', "\n    "));
    lines.map_or_else(String::new, |lines| {
        format!("\n  the end of {}:\n    {lines}", path.display())
    })
}

/// The last lines of a log, if it holds any.
pub fn last_lines(path: &Path, count: usize) -> Option<String> {
    let tail = tail(path)?;
    let lines: Vec<_> = tail.lines().collect();
    let last = &lines[lines.len().saturating_sub(count)..];
    (!last.is_empty()).then(|| last.join("\n"))
}

fn tail(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL))).ok()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
