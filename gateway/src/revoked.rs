//! Sessions that have ended before their time. Their access tokens are refused here until the
//! last of them has ended by itself.

use std::time::Duration;

use moka::{notification::RemovalCause, policy::EvictionPolicy, sync::Cache};
use uuid::Uuid;

/// No access token lasts longer, whatever user-svc is told by `ACCESS_TOKEN_SECONDS`, and whatever
/// its clock says.
const LONGEST_TOKEN: Duration = Duration::from_secs(86_400 + 60);
/// Sessions that are remembered; of more the oldest are forgotten, which tokens of the usual ten
/// minutes have long outlived then.
const SESSIONS: u64 = 200_000;

/// The sessions whose tokens are not accepted.
#[derive(Debug, Clone)]
pub struct Revoked(Cache<Uuid, ()>);

impl Default for Revoked {
    fn default() -> Self {
        let forgotten = |_, (), cause| {
            if cause == RemovalCause::Size {
                metrics::counter!("gateway_revoked_sessions_forgotten_total").increment(1);
            }
        };
        let sessions = Cache::builder()
            .max_capacity(SESSIONS)
            // Newcomers must always get in.
            .eviction_policy(EvictionPolicy::lru())
            .time_to_live(LONGEST_TOKEN)
            .eviction_listener(forgotten);
        Self(sessions.build())
    }
}

impl Revoked {
    /// Accepts no token of this session from here on.
    pub fn add(&self, session: Uuid) {
        self.0.insert(session, ());
    }

    /// Whether the session has ended before its time.
    pub fn contains(&self, session: Uuid) -> bool {
        self.0.contains_key(&session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_there_at_once_and_nothing_else() {
        let revoked = Revoked::default();
        for n in 0..1000 {
            revoked.add(Uuid::from_u128(n));
            assert!(revoked.contains(Uuid::from_u128(n)));
        }
        assert!(!revoked.contains(Uuid::from_u128(1000)));
    }
}
