//! Users of whom it is known that they may order, so that they can while user-svc is away.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use moka::sync::Cache;
use uuid::Uuid;

/// Beyond so many, those who were not seen for long are forgotten.
const MOST: u64 = 10_000;
/// What user-svc told while this instance was not connected was not heard; so long it may count.
const LONGEST: Duration = Duration::from_secs(600);

/// The users that user-svc said are active.
///
/// Only they are remembered: who may not order is asked for again, and may the moment that
/// user-svc says so.
#[derive(Debug)]
pub(crate) struct KnownUsers {
    active: Cache<Uuid, ()>,
    /// How often somebody was to be forgotten.
    forgotten: AtomicU64,
}

/// The moment at which user-svc was asked: what is told after it is newer than the answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AskedAt(u64);

impl KnownUsers {
    /// Nobody.
    pub fn new() -> Self {
        let active = Cache::builder().max_capacity(MOST).time_to_live(LONGEST).build();
        Self { active, forgotten: AtomicU64::new(0) }
    }

    /// Whether the user is known to be active.
    pub fn contains(&self, user: Uuid) -> bool {
        self.active.get(&user).is_some()
    }

    /// To be called before user-svc is asked.
    pub fn asking(&self) -> AskedAt {
        AskedAt(self.forgotten.load(Ordering::SeqCst))
    }

    /// Remembers that the user is active, unless anything was heard since user-svc was asked:
    /// then the answer may be the older of the two.
    pub fn remember(&self, user: Uuid, asked: AskedAt) {
        self.active.insert(user, ());
        // Looked at after the insertion: whoever forgets from here on finds what was inserted.
        if self.asking().0 != asked.0 {
            self.active.invalidate(&user);
        }
    }

    /// Forgets the user: user-svc is asked again.
    pub fn forget(&self, user: Uuid) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        self.active.invalidate(&user);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_known_until_forgotten() {
        let (known, anna, bert) = (KnownUsers::new(), Uuid::now_v7(), Uuid::now_v7());
        assert!(!known.contains(anna));
        known.remember(anna, known.asking());
        assert!(known.contains(anna) && !known.contains(bert));
        known.forget(bert);
        assert!(known.contains(anna));
        known.forget(anna);
        assert!(!known.contains(anna));
    }

    #[test]
    fn an_answer_that_is_older_than_what_was_heard_is_not_remembered() {
        let (known, anna) = (KnownUsers::new(), Uuid::now_v7());
        let asked = known.asking();
        known.forget(anna);
        known.remember(anna, asked);
        assert!(!known.contains(anna));
    }
}
