//! `.env.example` lists every variable that the programs read, and no other.

#![cfg(test)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Read by `./dev up` itself, or by a library.
const READ_ELSEWHERE: [&str; 1] = ["MANAGEMENT_URL"];

/// Between our own scripts and programs only.
const INTERNAL: &str = "WARREN_";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => sources(&path, found),
            false if path.extension().is_some_and(|kind| kind == "rs") => found.push(path),
            false => {}
        }
    }
}

/// The names in `env = "NAME"` of all config structs.
fn read_by_programs() -> BTreeSet<String> {
    let mut files = Vec::new();
    for member in fs::read_dir(root()).unwrap().flatten() {
        sources(&member.path().join("src"), &mut files);
    }
    let texts = files.iter().map(|file| fs::read_to_string(file).unwrap());
    let names = |text: String| {
        let ends = text.split("env = \"").skip(1).filter_map(|rest| rest.split_once('"'));
        ends.map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
    };
    texts.flat_map(names).filter(|name| !name.starts_with(INTERNAL)).collect()
}

fn listed() -> BTreeSet<String> {
    let example = fs::read_to_string(root().join(".env.example")).unwrap();
    let settings = example.lines().filter_map(|line| line.strip_prefix('#')?.split_once('='));
    let is_name = |name: &str| name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    settings.map(|(name, _)| name.to_owned()).filter(|name| is_name(name)).collect()
}

#[test]
fn every_variable_is_in_the_example() {
    let mut read = read_by_programs();
    assert!(read.contains("AMQP_URL"), "the sources were not found");
    read.extend(READ_ELSEWHERE.map(str::to_owned));
    assert_eq!(listed(), read);
}
