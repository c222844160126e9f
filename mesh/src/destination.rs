//! What a caller keeps for each service it calls: a breaker and a bulkhead.

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::breaker::Breaker;

/// One called service, seen from the caller.
#[derive(Debug)]
pub(crate) struct Destination {
    pub service: String,
    pub breaker: Breaker,
    bulkhead: Semaphore,
}

impl Destination {
    pub(crate) fn new(service: String, breaker_failures: u32, bulkhead: u32) -> Self {
        Self {
            service,
            breaker: Breaker::new(breaker_failures as usize),
            bulkhead: Semaphore::new(bulkhead as usize),
        }
    }

    /// A place among the calls under way; none if all are taken.
    pub(crate) fn enter(&self) -> Option<SemaphorePermit<'_>> {
        self.bulkhead.try_acquire().ok()
    }
}
