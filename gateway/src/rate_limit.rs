//! How many requests one client may send in a minute.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use actix_web::http::header::{HeaderMap, HeaderName};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed, StateStore},
};
use moka::sync::Cache;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

const MINUTE: Duration = Duration::from_secs(60);
/// Clients that are counted at once. With more, the least seen ones start anew.
const CLIENTS: u64 = 100_000;

/// So many requests a minute for each client. They may come at once; then each minute gives as
/// many again, evenly (GCRA).
#[derive(Debug)]
pub struct RateLimit<C: Clock = DefaultClock> {
    per_minute: u32,
    limiter: Limiter<C>,
}

type Limiter<C> = RateLimiter<u128, Buckets, C, StateInformationMiddleware>;

/// What is left to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    limit: u32,
    remaining: u32,
}

/// Nothing is left to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted {
    /// What is told on every answer.
    pub allowance: Allowance,
    /// When the next request may come.
    pub wait: Duration,
}

impl RateLimit {
    /// `per_minute` requests for each client; at least one.
    pub fn new(per_minute: u32) -> Self {
        Self::with_clock(per_minute, DefaultClock::default())
    }
}

impl<C: Clock> RateLimit<C> {
    fn with_clock(per_minute: u32, clock: C) -> Self {
        let per_minute = NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN);
        let limiter = RateLimiter::new(Quota::per_minute(per_minute), Buckets::new(), clock);
        Self { per_minute: per_minute.get(), limiter }
    }

    /// Counts a request of `client`.
    ///
    /// # Errors
    /// If it is one too many; then it is not counted.
    pub fn take(&self, client: u128) -> Result<Allowance, Exhausted> {
        let allowance = |remaining| Allowance { limit: self.per_minute, remaining };
        match self.limiter.check_key(&client) {
            Ok(state) => Ok(allowance(state.remaining_burst_capacity())),
            Err(until) => {
                let wait = until.wait_time_from(self.limiter.clock().now());
                Err(Exhausted { allowance: allowance(0), wait })
            }
        }
    }
}

impl Allowance {
    /// Tells the client.
    pub fn write(self, headers: &mut HeaderMap) {
        headers.insert(LIMIT, self.limit.into());
        headers.insert(REMAINING, self.remaining.into());
        headers.insert(RESET, self.whole_again().into());
    }

    /// Seconds until nothing of the limit is used any more.
    fn whole_again(self) -> u64 {
        let used = u64::from(self.limit - self.remaining.min(self.limit));
        (used * MINUTE.as_secs()).div_ceil(u64::from(self.limit))
    }
}

/// One number for each client that has been seen within the minute: who has not is whole again.
#[derive(Debug)]
struct Buckets(Cache<u128, Arc<InMemoryState>>);

impl Buckets {
    fn new() -> Self {
        Self(Cache::builder().max_capacity(CLIENTS).time_to_idle(MINUTE).build())
    }
}

impl StateStore for Buckets {
    type Key = u128;

    fn measure_and_replace<T, F, E>(&self, client: &u128, change: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let bucket = self.0.get_with(*client, Arc::default);
        bucket.measure_and_replace(&NotKeyed::NonKey, change)
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    #[test]
    fn so_many_at_once_and_then_evenly() {
        let clock = FakeRelativeClock::default();
        let limit = RateLimit::with_clock(3, clock.clone());
        let left: Vec<_> = (0..3).map(|_| limit.take(7).unwrap().remaining).collect();
        assert_eq!(left, [2, 1, 0]);
        let exhausted = limit.take(7).unwrap_err();
        assert_eq!(exhausted.wait, Duration::from_secs(20));
        assert_eq!(exhausted.allowance.whole_again(), 60);
        clock.advance(Duration::from_secs(20));
        assert_eq!(limit.take(7).unwrap().remaining, 0);
        assert!(limit.take(7).is_err());
    }

    #[test]
    fn each_client_is_counted_alone() {
        let limit = RateLimit::new(1);
        assert!(limit.take(1).is_ok() && limit.take(2).is_ok());
        assert!(limit.take(1).is_err() && limit.take(2).is_err());
    }

    #[test]
    fn the_headers_say_what_is_left_and_when_all_of_it_is_back() {
        let mut headers = HeaderMap::new();
        Allowance { limit: 100, remaining: 95 }.write(&mut headers);
        let told: Vec<_> = [LIMIT, REMAINING, RESET]
            .iter()
            .map(|name| headers.get(name).unwrap().to_str().unwrap())
            .collect();
        assert_eq!(told, ["100", "95", "3"]);
    }
}
