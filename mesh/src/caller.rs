//! On whose behalf a request is made.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The person a request is made for: established once, where the token was verified, and
/// carried along in the header `mesh-caller`.
///
/// It is believed only from senders whose manifest says that they forward it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// Who.
    #[serde(rename = "user")]
    pub user_id: Uuid,
    /// As what: the role's name.
    pub role: String,
    /// By which log-in.
    #[serde(rename = "session")]
    pub session_id: Uuid,
}
