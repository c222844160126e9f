//! For those who must not rely on having heard everything.

use tokio::sync::watch;

/// Each time that listening to the broker has begun anew: see
/// [`Mesh::beginnings`](crate::Mesh::beginnings).
#[derive(Debug)]
pub struct Beginnings(watch::Receiver<u64>);

impl Beginnings {
    pub(crate) fn new(begun: watch::Receiver<u64>) -> Self {
        Self(begun)
    }

    /// Waits for the next one; one that has been before the first call counts, and several since
    /// the last call count as one. False if there will be no more: the member has been stopped.
    pub async fn next(&mut self) -> bool {
        self.0.changed().await.is_ok()
    }
}
