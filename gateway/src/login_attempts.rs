//! How often a password may be guessed. The account is never locked: it waits out the minute.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use moka::sync::Cache;

const MINUTE: Duration = Duration::from_secs(60);
/// Accounts whose failures are counted at once.
const ACCOUNTS: u64 = 100_000;

/// Failed log-ins, by account.
#[derive(Debug)]
pub struct LoginAttempts {
    limit: u32,
    /// Names are not kept: they may be long, and need not exist.
    names: RandomState,
    accounts: Cache<u64, Arc<Window>>,
}

/// The failures of one account since the first of them, for a minute.
#[derive(Debug)]
struct Window {
    since: Instant,
    failures: AtomicU32,
}

/// A log-in under way. It counts as failed until it is forgiven, so that nobody gets more
/// guesses by making them at once or by not waiting for the answers.
#[derive(Debug)]
#[must_use = "an attempt counts as a failure unless it is forgiven"]
pub struct Attempt(Arc<Window>);

impl LoginAttempts {
    /// `limit` failures a minute for each account.
    pub fn new(limit: u32) -> Self {
        let accounts = Cache::builder().max_capacity(ACCOUNTS).time_to_live(MINUTE).build();
        Self { limit, names: RandomState::new(), accounts }
    }

    /// Begins a log-in to the account with this e-mail address, in any case.
    ///
    /// # Errors
    /// The time to wait, if it has failed too often.
    pub fn begin(&self, email: &str) -> Result<Attempt, Duration> {
        let name = self.names.hash_one(email.trim().to_lowercase());
        let new = || Arc::new(Window { since: Instant::now(), failures: AtomicU32::new(0) });
        let window = self.accounts.get_with(name, new);
        let before = window.failures.fetch_add(1, Ordering::Relaxed);
        let attempt = Attempt(window);
        if before < self.limit {
            return Ok(attempt);
        }
        let wait = MINUTE.saturating_sub(attempt.0.since.elapsed());
        attempt.forgive();
        Err(wait)
    }
}

impl Attempt {
    /// It has not failed, or not by the password.
    pub fn forgive(self) {
        self.0.failures.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_count_and_each_account_alone() {
        let attempts = LoginAttempts::new(2);
        for _ in 0..10 {
            attempts.begin("anna@example.org").unwrap().forgive();
        }
        let _first = attempts.begin("anna@example.org").unwrap();
        let _second = attempts.begin(" Anna@Example.ORG").unwrap();
        let wait = attempts.begin("anna@example.org").unwrap_err();
        assert!(wait <= MINUTE && wait > MINUTE / 2);
        attempts.begin("ben@example.org").unwrap().forgive();
    }

    #[test]
    fn guesses_at_the_same_time_are_no_way_around() {
        let attempts = LoginAttempts::new(3);
        let under_way = (0..10).filter_map(|_| attempts.begin("anna@example.org").ok()).count();
        assert_eq!(under_way, 3);
    }
}
