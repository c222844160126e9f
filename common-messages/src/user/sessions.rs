//! Sessions: going on with one, ending them, and what an administrator decides about accounts.

use chrono::{DateTime, Utc};
use garde::Validate;
use mesh::{Effect, FieldError, Request};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{LoggedIn, Role, Status, User, UserError};
use crate::{rules, secret::Secret, validation::check};

/// Asks user-svc for new tokens in exchange for a refresh token, which is used up by this.
/// Repeatable, because its reply must not be stored: a repeat within 10 s gets another successor.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema, Validate, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Refresh {
    /// The refresh token of the last log-in or refresh.
    #[garde(custom(rules::any_token))]
    #[schema(value_type = String)]
    pub refresh_token: Secret,
}

impl Request for Refresh {
    const ROUTE: &'static str = "user.refresh";
    const EFFECT: Effect = Effect::Repeatable;
    type Reply = LoggedIn;
    type Error = UserError;

    fn validate(&self) -> Result<(), Vec<FieldError>> {
        check(self)
    }
}

/// Asks user-svc to end the caller's session, or all sessions of the caller.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Logout {
    /// All of them, on every device.
    #[serde(default)]
    pub all: bool,
}

impl Request for Logout {
    const ROUTE: &'static str = "user.logout";
    const EFFECT: Effect = Effect::Repeatable;
    type Reply = ();
    type Error = UserError;
}

/// Asks user-svc to end the session to which a refresh token belongs: for a browser whose access
/// token has ended.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
pub struct EndSession {
    /// A refresh token of the session.
    #[garde(custom(rules::any_token))]
    pub refresh_token: Secret,
}

impl Request for EndSession {
    const ROUTE: &'static str = "user.end_session";
    const EFFECT: Effect = Effect::Repeatable;
    type Reply = ();
    type Error = UserError;

    fn validate(&self) -> Result<(), Vec<FieldError>> {
        check(self)
    }
}

/// Asks user-svc to change the caller's password. The caller's other sessions end.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema, Validate, ToSchema)]
pub struct ChangePassword {
    /// The password until now.
    #[garde(custom(rules::any_password))]
    #[schema(value_type = String, format = Password)]
    pub current: Secret,
    /// The password from now on, 8 to 71 bytes.
    #[garde(custom(rules::password))]
    #[schema(value_type = String, format = Password)]
    pub new: Secret,
}

impl Request for ChangePassword {
    const ROUTE: &'static str = "user.change_password";
    const EFFECT: Effect = Effect::Once;
    type Reply = ();
    type Error = UserError;

    fn validate(&self) -> Result<(), Vec<FieldError>> {
        check(self)
    }
}

/// Asks user-svc, as an administrator, to say what somebody may do. All sessions of that account
/// end, so that the next token bears the new role.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
pub struct SetRole {
    /// Whose.
    pub id: Uuid,
    /// What it becomes.
    pub role: Role,
}

impl Request for SetRole {
    const ROUTE: &'static str = "user.set_role";
    const EFFECT: Effect = Effect::Repeatable;
    type Reply = User;
    type Error = UserError;
}

/// Asks user-svc, as an administrator, to close or open an account. Closing ends its sessions.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
pub struct SetStatus {
    /// Whose.
    pub id: Uuid,
    /// What it becomes.
    pub status: Status,
}

impl Request for SetStatus {
    const ROUTE: &'static str = "user.set_status";
    const EFFECT: Effect = Effect::Repeatable;
    type Reply = User;
    type Error = UserError;
}

/// Asks user-svc for several accounts at once, at most 100. Who is not found is left out.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema, Validate)]
pub struct GetUsers {
    /// Whose.
    #[garde(length(min = 1, max = 100))]
    pub ids: Vec<Uuid>,
}

impl Request for GetUsers {
    const ROUTE: &'static str = "user.get_several";
    const EFFECT: Effect = Effect::Repeatable;
    type Reply = Vec<User>;
    type Error = UserError;

    fn validate(&self) -> Result<(), Vec<FieldError>> {
        check(self)
    }
}

/// Asks user-svc which sessions have ended before their time and may still have a good access
/// token: what whoever checks tokens by itself needs after having been away.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
pub struct GetRevokedSessions {}

/// Sessions whose access tokens must not be accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RevokedSessions {
    /// Which, and when they ended.
    pub sessions: Vec<RevokedSession>,
}

/// A session that has ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RevokedSession {
    /// Which.
    pub id: Uuid,
    /// When it ended.
    pub at: DateTime<Utc>,
}

impl Request for GetRevokedSessions {
    const ROUTE: &'static str = "user.revoked_sessions";
    const EFFECT: Effect = Effect::Repeatable;
    type Reply = RevokedSessions;
    type Error = UserError;
}
