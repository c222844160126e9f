//! A breaker for each service: who fails again and again is left alone for a while.
//!
//! Closed → open after N failures within a window → half-open after a pause, which lets exactly
//! one call through → closed if it succeeds, open again if it fails.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde::Serialize;
use tokio::time::Instant;

const WINDOW: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_secs(1);

/// What a breaker does with the next call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BreakerState {
    /// Lets it through.
    Closed,
    /// Fails it at once.
    Open,
    /// Has let one through and waits for what becomes of it.
    HalfOpen,
}

/// The breaker of one service.
#[derive(Debug)]
pub(crate) struct Breaker {
    threshold: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Closed { failures: VecDeque<Instant> },
    Open { until: Instant, failures: usize },
    HalfOpen { failures: usize },
}

impl Breaker {
    /// Opens after `threshold` failures within 10 s.
    pub(crate) fn new(threshold: usize) -> Self {
        let state = State::Closed { failures: VecDeque::new() };
        Self { threshold, state: Mutex::new(state) }
    }

    /// Lets a call through, or not. What became of it is told to the admission.
    pub(crate) fn admit(&self) -> Option<Admission<'_>> {
        let mut state = self.lock();
        match *state {
            State::Closed { .. } => Some(Admission { breaker: self, verdict: None }),
            State::HalfOpen { .. } => None,
            State::Open { until, .. } if Instant::now() < until => None,
            State::Open { failures, .. } => {
                *state = State::HalfOpen { failures };
                Some(Admission { breaker: self, verdict: None })
            }
        }
    }

    /// The state, and the failures counted towards it.
    pub(crate) fn state(&self) -> (BreakerState, usize) {
        match &*self.lock() {
            State::Closed { failures } => (BreakerState::Closed, recent(failures)),
            State::Open { failures, .. } => (BreakerState::Open, *failures),
            State::HalfOpen { failures } => (BreakerState::HalfOpen, *failures),
        }
    }

    fn settle(&self, verdict: Option<Verdict>) {
        let mut state = self.lock();
        match (&mut *state, verdict) {
            (State::Closed { failures }, Some(Verdict::Failure)) => {
                let now = Instant::now();
                failures.retain(|at| now - *at < WINDOW);
                failures.push_back(now);
                let failures = failures.len();
                if failures >= self.threshold {
                    *state = State::Open { until: now + PAUSE, failures };
                }
            }
            (State::HalfOpen { .. }, Some(Verdict::Success)) => {
                *state = State::Closed { failures: VecDeque::new() };
            }
            (State::HalfOpen { failures }, Some(Verdict::Failure)) => {
                let failures = *failures + 1;
                *state = State::Open { until: Instant::now() + PAUSE, failures };
            }
            // The probe came to nothing: the next call may probe at once.
            (State::HalfOpen { failures }, None) => {
                let failures = *failures;
                *state = State::Open { until: Instant::now(), failures };
            }
            _ => {}
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn recent(failures: &VecDeque<Instant>) -> usize {
    let now = Instant::now();
    failures.iter().filter(|at| now - **at < WINDOW).count()
}

#[derive(Debug, Clone, Copy)]
enum Verdict {
    Success,
    Failure,
}

/// A call that was let through. Dropped without a word, it says nothing about the service.
#[derive(Debug)]
pub(crate) struct Admission<'a> {
    breaker: &'a Breaker,
    verdict: Option<Verdict>,
}

impl Admission<'_> {
    pub(crate) fn succeeded(mut self) {
        self.verdict = Some(Verdict::Success);
    }

    pub(crate) fn failed(mut self) {
        self.verdict = Some(Verdict::Failure);
    }
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        self.breaker.settle(self.verdict);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(breaker: &Breaker, times: usize) {
        for _ in 0..times {
            breaker.admit().unwrap().failed();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_at_the_threshold_and_not_before() {
        let breaker = Breaker::new(3);
        fail(&breaker, 2);
        assert_eq!(breaker.state(), (BreakerState::Closed, 2));
        fail(&breaker, 1);
        assert_eq!(breaker.state(), (BreakerState::Open, 3));
        assert!(breaker.admit().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn old_failures_are_forgotten() {
        let breaker = Breaker::new(3);
        fail(&breaker, 2);
        tokio::time::advance(WINDOW).await;
        fail(&breaker, 2);
        assert_eq!(breaker.state(), (BreakerState::Closed, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn half_open_lets_exactly_one_through() {
        let breaker = Breaker::new(1);
        fail(&breaker, 1);
        tokio::time::advance(PAUSE).await;
        let probe = breaker.admit().unwrap();
        assert!(breaker.admit().is_none());
        probe.succeeded();
        assert_eq!(breaker.state(), (BreakerState::Closed, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_probe_opens_it_again() {
        let breaker = Breaker::new(1);
        fail(&breaker, 1);
        tokio::time::advance(PAUSE).await;
        breaker.admit().unwrap().failed();
        assert!(breaker.admit().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_says_nothing_leaves_room_for_the_next() {
        let breaker = Breaker::new(1);
        fail(&breaker, 1);
        tokio::time::advance(PAUSE).await;
        drop(breaker.admit().unwrap());
        assert!(breaker.admit().is_some());
    }
}
