//! The ledger: what clients were answered, on disk before they go on.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    sync::Mutex,
};

use serde_json::Value;

/// One line for each key that was sent, and one for each answer.
pub struct Book {
    file: Mutex<File>,
    path: PathBuf,
}

/// Where the ledger and what is there disagree.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Answered 201, and not there.
    pub lost: usize,
    /// Several orders under one key, or several answers.
    pub duplicated: usize,
    /// There, and nobody was told.
    pub phantom: usize,
    /// Sent, and never answered.
    pub stuck: usize,
}

impl Book {
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let file = File::options().create(true).append(true).open(path)?;
        Ok(Self { file: Mutex::new(file), path: path.to_owned() })
    }

    /// `key` is about to be sent.
    pub fn sent(&self, key: &str) {
        self.write(&format!("sent {key}"));
    }

    /// `key` was answered with the order `id`.
    pub fn answered(&self, key: &str, id: &str) {
        self.write(&format!("answered {key} {id}"));
    }

    fn write(&self, line: &str) {
        let mut file = self.file.lock().unwrap();
        writeln!(file, "{line}").unwrap();
        file.sync_data().unwrap();
    }

    /// Compares the ledger with the orders that are there. An order bears its key as product.
    pub fn compare(&self, orders: &[Value]) -> Counts {
        let text = std::fs::read_to_string(&self.path).unwrap();
        let mut sent = BTreeSet::new();
        let mut answers: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for line in text.lines() {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["sent", key] => drop(sent.insert(key)),
                ["answered", key, id] => drop(answers.entry(key).or_default().insert(id)),
                _ => panic!("{line}"),
            }
        }
        let mut there: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for order in orders {
            let (key, id) = (order["product"].as_str().unwrap(), order["id"].as_str().unwrap());
            there.entry(key).or_default().insert(id);
        }
        let is_there = |key: &str, id: &str| there.get(key).is_some_and(|ids| ids.contains(id));
        let lost = |(key, ids): &(&&str, &BTreeSet<&str>)| ids.iter().any(|id| !is_there(key, id));
        Counts {
            lost: answers.iter().filter(lost).count(),
            duplicated: answers.values().chain(there.values()).filter(|ids| ids.len() > 1).count(),
            phantom: there.keys().filter(|key| !answers.contains_key(*key)).count(),
            stuck: sent.iter().filter(|key| !answers.contains_key(*key)).count(),
        }
    }
}
