//! Who is alive, as far as this process has heard.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::deadline::unix_ms;

/// An instance that has been silent for this long is gone.
pub const SILENCE: Duration = Duration::from_secs(15);
/// Clocks further apart than this are worth a warning.
const SKEW_MS: i64 = 250;

/// What an instance says of itself: at start, every five seconds, when asked, and at the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Announcement {
    /// The member's name.
    pub service: String,
    /// Which instance.
    pub instance: String,
    /// The version of the program.
    pub version: String,
    /// When it started, Unix milliseconds.
    pub started_at: u64,
    /// Its clock when it spoke, Unix milliseconds.
    pub clock: u64,
    /// What it answers: each route with its schema hash.
    pub contracts: BTreeMap<String, String>,
    /// What it has done lately.
    pub counters: Counters,
    /// These are its last words.
    #[serde(default)]
    pub leaving: bool,
}

/// What an instance has done. Counts are since its start, times of the last five seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Counters {
    /// Requests being handled now.
    pub in_flight: u64,
    /// Requests answered, refusals included.
    pub handled: u64,
    /// Requests refused.
    pub refused: u64,
    /// Requests whose handler failed unexpectedly.
    pub broken: u64,
    /// Requests that came too late and were not begun.
    pub late: u64,
    /// Median time of a handler, milliseconds.
    pub p50_ms: f64,
    /// 99th percentile of it, milliseconds.
    pub p99_ms: f64,
}

/// An instance that is alive, as far as is known.
#[derive(Debug, Clone)]
pub struct Instance {
    /// What it said last.
    pub announcement: Announcement,
    /// How far its clock is ahead of ours, milliseconds, its message's journey included.
    pub clock_skew_ms: i64,
    heard: Instant,
}

/// Whether a service can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Too early to say: the link is new and not everybody has spoken.
    Unknown,
    /// This many instances are alive.
    Here(usize),
    /// Nobody is.
    Gone,
}

type Instances = BTreeMap<(String, String), Instance>;

/// The live view. Cleared whenever the link is lost.
#[derive(Debug)]
pub struct Registry {
    instances: Mutex<Instances>,
    /// Counts of the services that are called, so that a call need not take the lock.
    live: HashMap<String, AtomicUsize>,
    settled: AtomicBool,
}

impl Registry {
    pub(crate) fn new(called: Vec<String>) -> Self {
        Self {
            instances: Mutex::default(),
            live: called.into_iter().map(|service| (service, AtomicUsize::new(0))).collect(),
            settled: AtomicBool::new(false),
        }
    }

    /// Whether `service` can be asked.
    pub fn presence(&self, service: &str) -> Presence {
        let live = match self.live.get(service) {
            Some(live) => live.load(Ordering::Relaxed),
            None => self.instances(service).len(),
        };
        match live {
            0 if self.settled.load(Ordering::Relaxed) => Presence::Gone,
            0 => Presence::Unknown,
            live => Presence::Here(live),
        }
    }

    /// The live instances of `service`, by id.
    pub fn instances(&self, service: &str) -> Vec<Instance> {
        let of_service = |key: &&(String, String)| key.0 == service;
        let all = self.lock();
        all.keys().filter(of_service).filter_map(|key| all.get(key)).cloned().collect()
    }

    /// The ids of the live instances of `service`.
    pub(crate) fn ids(&self, service: &str) -> Vec<String> {
        let all = self.lock();
        all.keys().filter(|(name, _)| name == service).map(|(_, id)| id.clone()).collect()
    }

    /// All services heard of, by name.
    pub fn services(&self) -> Vec<String> {
        let mut names: Vec<String> = self.lock().keys().map(|(name, _)| name.clone()).collect();
        names.dedup();
        names
    }

    /// Takes note of what an instance says.
    pub(crate) fn hear(&self, announcement: Announcement) {
        let key = (announcement.service.clone(), announcement.instance.clone());
        if announcement.leaving {
            tracing::info!(service = %key.0, instance = %key.1, "an instance leaves");
            return self.change(|all| all.remove(&key));
        }
        let clock_skew_ms = announcement.clock.cast_signed() - unix_ms().cast_signed();
        let instance = Instance { announcement, clock_skew_ms, heard: Instant::now() };
        self.change(|all| {
            let before = all.insert(key.clone(), instance);
            let was_skewed = before.as_ref().is_some_and(|b| b.clock_skew_ms.abs() > SKEW_MS);
            if before.is_none() {
                tracing::info!(service = %key.0, instance = %key.1, "an instance is here");
            }
            if clock_skew_ms.abs() > SKEW_MS && !was_skewed {
                let (service, instance) = &key;
                tracing::warn!(%service, %instance, clock_skew_ms, "its clock is not ours");
            }
        });
    }

    /// Takes an instance out: a probe came back.
    pub(crate) fn lose(&self, service: &str, instance: &str) {
        tracing::warn!(service, instance, "an instance is gone");
        self.change(|all| all.remove(&(service.to_owned(), instance.to_owned())));
    }

    /// Takes out who has been silent for too long.
    pub(crate) fn prune(&self) {
        self.change(|all| all.retain(|_, instance| instance.heard.elapsed() < SILENCE));
    }

    /// The link is new: nothing is known.
    pub(crate) fn forget(&self) {
        self.settled.store(false, Ordering::Relaxed);
        self.change(Instances::clear);
    }

    /// Everybody has had the time to speak: who has not is not there.
    pub(crate) fn settle(&self) {
        self.settled.store(true, Ordering::Relaxed);
    }

    fn change<T>(&self, change: impl FnOnce(&mut Instances) -> T) {
        let mut all = self.lock();
        change(&mut all);
        for (service, live) in &self.live {
            let count = all.keys().filter(|(name, _)| name == service).count();
            live.store(count, Ordering::Relaxed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Instances> {
        self.instances.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announcement(instance: &str) -> Announcement {
        Announcement {
            service: "order-svc".to_owned(),
            instance: instance.to_owned(),
            version: "1".to_owned(),
            started_at: 0,
            clock: unix_ms(),
            contracts: BTreeMap::new(),
            counters: Counters::default(),
            leaving: false,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_called_gone_before_everybody_could_speak() {
        let registry = Registry::new(vec!["order-svc".to_owned()]);
        assert_eq!(registry.presence("order-svc"), Presence::Unknown);
        registry.settle();
        assert_eq!(registry.presence("order-svc"), Presence::Gone);
        registry.hear(announcement("a"));
        assert_eq!(registry.presence("order-svc"), Presence::Here(1));
        registry.forget();
        assert_eq!(registry.presence("order-svc"), Presence::Unknown);
    }

    #[tokio::test(start_paused = true)]
    async fn the_silent_the_leaving_and_the_lost_are_gone() {
        let registry = Registry::new(vec!["order-svc".to_owned()]);
        registry.settle();
        for instance in ["a", "b", "c"] {
            registry.hear(announcement(instance));
        }
        registry.hear(Announcement { leaving: true, ..announcement("a") });
        registry.lose("order-svc", "b");
        assert_eq!(registry.presence("order-svc"), Presence::Here(1));
        tokio::time::advance(SILENCE).await;
        registry.prune();
        assert_eq!(registry.presence("order-svc"), Presence::Gone);
    }
}
