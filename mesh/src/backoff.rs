//! How long to wait before trying again: exponential, capped, jittered.

use std::time::Duration;

use rand::RngExt;

/// Doubling waits between `first` and `most`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    first: Duration,
    most: Duration,
    tried: u32,
}

impl Backoff {
    pub(crate) fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, tried: 0 }
    }

    /// The next wait: between half of and the full step, so that many who failed together do
    /// not come back together.
    pub(crate) fn next_wait(&mut self) -> Duration {
        let step = self.first.saturating_mul(1 << self.tried.min(16)).min(self.most);
        self.tried += 1;
        step.mul_f64(rand::rng().random_range(0.5..=1.0))
    }

    pub(crate) fn reset(&mut self) {
        self.tried = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap_and_start_over() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(100), ms(1000));
        for step in [100, 200, 400, 800, 1000, 1000] {
            let wait = backoff.next_wait();
            assert!(wait >= ms(step / 2) && wait <= ms(step), "{wait:?} at step {step}");
        }
        backoff.reset();
        assert!(backoff.next_wait() <= ms(100));
    }
}
