//! How long each part of a test run took, read from what `cargo test` prints.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::progress::seconds;

/// The parts so far.
#[derive(Debug)]
pub struct Parts {
    done: Vec<Part>,
    suffix: &'static str,
}

#[derive(Debug, PartialEq)]
struct Part {
    name: String,
    /// Tests run, and how many of them failed.
    tests: Option<(u32, u32)>,
    took: Duration,
}

impl Parts {
    /// The build alone, which is over.
    pub fn after_build(took: Duration) -> Self {
        let mut parts = Self { done: Vec::new(), suffix: "" };
        parts.add("build", took);
        parts
    }

    /// Adds a part without tests.
    pub fn add(&mut self, name: &str, took: Duration) {
        self.done.push(Part { name: name.to_owned(), tests: None, took });
    }

    /// Adds `suffix` to the name of each part to come.
    pub fn named(self, suffix: &'static str) -> Self {
        Self { suffix, ..self }
    }

    /// Copies the output, line by line, until it ends, and notes its parts.
    pub fn watch(mut self, output: impl Read, mut copy: impl Write) -> Result<Self> {
        let mut running = None;
        for line in BufReader::new(output).split(b'\n') {
            let line = line.context("read the output of the tests")?;
            let _ = copy.write_all(&[&line[..], b"\n"].concat()); // nobody may be reading
            self.note(&console::strip_ansi_codes(&String::from_utf8_lossy(&line)), &mut running);
        }
        self.finish(running);
        Ok(self)
    }

    fn note(&mut self, line: &str, running: &mut Option<(Part, Instant)>) {
        if let Some(name) = part_name(line) {
            self.finish(running.take());
            let name = name + self.suffix;
            let part = Part { name, tests: Some((0, 0)), took: Duration::ZERO };
            *running = Some((part, Instant::now()));
        }
        let Some((part, _)) = running else { return };
        let (Some((run, failed)), Some((more, bad))) = (&mut part.tests, result(line)) else {
            return;
        };
        *run += more;
        *failed += bad;
    }

    fn finish(&mut self, running: Option<(Part, Instant)>) {
        if let Some((part, since)) = running {
            self.done.push(Part { took: since.elapsed(), ..part });
        }
    }

    /// For people: parts that held no test are left out.
    pub fn table(&self) -> String {
        let mut table = "\n".to_owned();
        for Part { name, tests, took } in &self.done {
            let count = match tests {
                Some((0, _)) => continue,
                Some((run, 0)) => format!("{run:>5} passed"),
                Some((run, failed)) => format!("{:>5} passed, {failed} FAILED", run - failed),
                None => String::new(),
            };
            let _ = writeln!(table, "{name:<42} {} {count}", seconds(*took));
        }
        let all = self.done.iter().map(|part| part.took).sum();
        let _ = write!(table, "{:<42} {}", "in all", seconds(all));
        table
    }
}

/// `mesh: tests/calls.rs` from `Running tests/calls.rs (target/debug/deps/calls-0a1b)`, which
/// names the package only in the path of unit tests.
fn part_name(line: &str) -> Option<String> {
    let line = line.trim_start();
    if let Some(package) = line.strip_prefix("Doc-tests ") {
        return Some(format!("{package}: examples in the docs"));
    }
    let (source, binary) = line.strip_prefix("Running ")?.strip_suffix(')')?.split_once(" (")?;
    let (name, _) = binary.rsplit('/').next()?.rsplit_once('-')?;
    match source.strip_prefix("unittests ") {
        Some(source) => Some(format!("{name}: {source}")),
        None => Some(source.to_owned()),
    }
}

/// Tests run and failed, from `test result: ok. 4 passed; 0 failed; …`.
fn result(line: &str) -> Option<(u32, u32)> {
    let mut counts = line.strip_prefix("test result: ")?.split_once(". ")?.1.split("; ");
    let mut count = |what| counts.next()?.strip_suffix(what)?.parse::<u32>().ok();
    let (passed, failed) = (count(" passed")?, count(" failed")?);
    Some((passed + failed, failed))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
     Running unittests src/lib.rs (target/debug/deps/mesh-0a1b)
test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
     Running tests/calls.rs (target/debug/deps/calls-2c3d)
test result: FAILED. 5 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1s
   Doc-tests mesh
test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";

    #[test]
    fn parts_are_read_from_what_cargo_prints() {
        let mut copy = Vec::new();
        let parts = Parts::after_build(Duration::ZERO).watch(OUTPUT.as_bytes(), &mut copy).unwrap();
        assert_eq!(copy, OUTPUT.as_bytes());
        let with_tests = |part: &Part| Some((part.name.clone(), part.tests?));
        let parts: Vec<_> = parts.done.iter().filter_map(with_tests).collect();
        let expected = [
            ("mesh: src/lib.rs".to_owned(), (4, 0)),
            ("tests/calls.rs".to_owned(), (6, 1)),
            ("mesh: examples in the docs".to_owned(), (3, 0)),
        ];
        assert_eq!(parts, expected);
    }
}
