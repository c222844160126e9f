//! What this instance has done, for its announcements.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use hdrhistogram::Histogram;

use crate::registry::Counters;

/// Counts since the start; times since the last announcement.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    in_flight: AtomicU64,
    handled: AtomicU64,
    refused: AtomicU64,
    broken: AtomicU64,
    late: AtomicU64,
    /// Handler times in microseconds.
    times: Mutex<Option<Histogram<u64>>>,
}

/// How the handling of a request ended, for the counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Answered,
    Refused,
    Broken,
}

impl Stats {
    pub(crate) fn begin(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn end(&self, ended: Ended, took: Duration) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.handled.fetch_add(1, Ordering::Relaxed);
        match ended {
            Ended::Answered => {}
            Ended::Refused => drop(self.refused.fetch_add(1, Ordering::Relaxed)),
            Ended::Broken => drop(self.broken.fetch_add(1, Ordering::Relaxed)),
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let mut times = self.lock();
        if times.is_none() {
            // From 1 µs to 60 s, two digits; these bounds are always accepted.
            *times = Histogram::new_with_bounds(1, 60_000_000, 2).ok();
        }
        if let Some(times) = times.as_mut() {
            times.saturating_record(micros);
        }
    }

    pub(crate) fn came_late(&self) {
        self.late.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub(crate) fn handled(&self) -> u64 {
        self.handled.load(Ordering::Relaxed)
    }

    /// The counts, and the times since the last reading.
    pub(crate) fn read(&self) -> Counters {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let times = self.lock().take();
        let ms = |quantile: f64| {
            let micros = times.as_ref().map_or(0, |times| times.value_at_quantile(quantile));
            Duration::from_micros(micros).as_secs_f64() * 1e3
        };
        Counters {
            in_flight: count(&self.in_flight),
            handled: count(&self.handled),
            refused: count(&self.refused),
            broken: count(&self.broken),
            late: count(&self.late),
            p50_ms: ms(0.5),
            p99_ms: ms(0.99),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Histogram<u64>>> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
