//! What user-svc tells.

use chrono::{DateTime, Utc};
use mesh::Event;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Role, User};

/// An account was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserRegistered {
    /// All of it.
    pub user: User,
    /// The account's version.
    pub version: u64,
}

/// Somebody has logged in by password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserLoggedIn {
    /// Who; all of the account.
    pub user: User,
    /// The session that began.
    pub session_id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// The account's version.
    pub version: u64,
}

/// Name, address or status of an account has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserUpdated {
    /// All of it, as it is now.
    pub user: User,
    /// The log-in address before, if that is what has changed: it is told, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_email: Option<String>,
    /// The account's version.
    pub version: u64,
}

/// What somebody may do has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserRoleChanged {
    /// Whose.
    pub user_id: Uuid,
    /// What it is now.
    pub role: Role,
    /// The account's version.
    pub version: u64,
}

/// An account was closed by an administrator. All its sessions end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserDisabled {
    /// Whose.
    pub user_id: Uuid,
    /// The account's version.
    pub version: u64,
}

/// Why a session ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RevocationReason {
    /// Its owner has logged out.
    Logout,
    /// A refresh token was used again: somebody has a copy.
    TokenReused,
    /// The password was changed from another session.
    PasswordChanged,
    /// The account was closed.
    Disabled,
    /// The role was changed.
    RoleChanged,
    /// One that a newer user-svc knows.
    #[serde(other)]
    Other,
}

/// A session has ended before its time: its tokens are good no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserSessionRevoked {
    /// Which.
    pub session_id: Uuid,
    /// Whose.
    pub user_id: Uuid,
    /// Why.
    pub reason: RevocationReason,
    /// When.
    pub at: DateTime<Utc>,
}

impl Event for UserRegistered {
    const KEY: &'static str = "user.registered";
    fn aggregate(&self) -> Uuid {
        self.user.id
    }
    fn version(&self) -> u64 {
        self.version
    }
}

impl Event for UserLoggedIn {
    const KEY: &'static str = "user.logged_in";
    fn aggregate(&self) -> Uuid {
        self.user.id
    }
    fn version(&self) -> u64 {
        self.version
    }
}

impl Event for UserUpdated {
    const KEY: &'static str = "user.updated";
    fn aggregate(&self) -> Uuid {
        self.user.id
    }
    fn version(&self) -> u64 {
        self.version
    }
}

impl Event for UserRoleChanged {
    const KEY: &'static str = "user.role_changed";
    fn aggregate(&self) -> Uuid {
        self.user_id
    }
    fn version(&self) -> u64 {
        self.version
    }
}

impl Event for UserDisabled {
    const KEY: &'static str = "user.disabled";
    fn aggregate(&self) -> Uuid {
        self.user_id
    }
    fn version(&self) -> u64 {
        self.version
    }
}

/// A session ends once, so there is one version.
impl Event for UserSessionRevoked {
    const KEY: &'static str = "user.session_revoked";
    fn aggregate(&self) -> Uuid {
        self.session_id
    }
    fn version(&self) -> u64 {
        1
    }
}
