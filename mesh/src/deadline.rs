//! When a request ends: one absolute moment that nested calls inherit.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// No request may ask for more time than this.
pub const LONGEST: Duration = Duration::from_secs(30);

/// The moment after which nobody waits for the answer any more.
///
/// On the wire it is wall-clock time (Unix, milliseconds); within a process it is counted on
/// the monotonic clock, so that a clock being set does not move it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// `timeout` from now, at most 30 s.
    pub fn within(timeout: Duration) -> Self {
        Self(Instant::now() + timeout.min(LONGEST))
    }

    /// Read from the wire. A sender whose clock is ahead cannot make it later than 30 s.
    pub fn from_unix_ms(ms: u64) -> Self {
        let left = Duration::from_millis(ms.saturating_sub(unix_ms()));
        Self::within(left)
    }

    /// As it is written on the wire.
    pub fn to_unix_ms(self) -> u64 {
        unix_ms() + u64::try_from(self.left().as_millis()).unwrap_or(u64::MAX)
    }

    /// The time that is left; zero when it has passed.
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether it has passed.
    pub fn has_passed(self) -> bool {
        self.left().is_zero()
    }

    /// A little earlier: what a service leaves for its own reply when it asks another, so that
    /// its caller hears who was late instead of finding the service itself silent. A twentieth
    /// of what is left, at most 100 ms.
    #[must_use]
    pub fn leaving_time_to_reply(self) -> Self {
        let reserve = (self.left() / 20).min(Duration::from_millis(100));
        Self(self.0 - reserve)
    }

    /// For timers.
    pub fn instant(self) -> Instant {
        self.0
    }
}

/// Now, as the wire writes it: Unix time in milliseconds.
pub fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_survives_the_wire_to_the_millisecond() {
        let sent = Deadline::within(Duration::from_secs(3));
        let read = Deadline::from_unix_ms(sent.to_unix_ms());
        let drift = sent.left().abs_diff(read.left());
        assert!(drift < Duration::from_millis(20), "{drift:?}");
    }

    #[tokio::test]
    async fn a_past_one_has_nothing_left_and_a_far_one_is_capped() {
        assert!(Deadline::from_unix_ms(1).has_passed());
        assert!(Deadline::from_unix_ms(u64::MAX).left() <= LONGEST);
    }
}
