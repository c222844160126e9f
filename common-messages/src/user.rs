//! What user-svc answers: accounts, log-in, and the keys of tokens.

mod events;
mod sessions;

use chrono::{DateTime, Utc};
use garde::Validate;
use mesh::{Effect, FieldError, Refusal, RefusalKind, Request};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    page::{MAX_LIMIT, Page},
    rules,
    secret::Secret,
    token::{Claims, KeySet},
    validation::check,
};

pub use self::{
    events::{
        RevocationReason, UserDisabled, UserLoggedIn, UserRegistered, UserRoleChanged,
        UserSessionRevoked, UserUpdated,
    },
    sessions::{
        ChangePassword, EndSession, GetRevokedSessions, GetUsers, Logout, Refresh, RevokedSession,
        RevokedSessions, SetRole, SetStatus,
    },
};

/// What a person may do.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// What everybody may.
    #[default]
    User,
    /// Everything.
    Admin,
}

impl Role {
    /// The name that tokens, tables and callers carry.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Admin => "admin",
        }
    }
}

/// Whether an account can be used.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It can.
    #[default]
    Active,
    /// An administrator has closed it.
    Disabled,
}

impl Status {
    /// The name that tables carry.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

/// An account. Others than its owner and administrators see only id and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// UUIDv7.
    pub id: Uuid,
    /// What the person is called.
    pub name: String,
    /// The log-in address, as it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// What the person may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Whether the account can be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// When it was registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<DateTime<Utc>>,
}

/// What user-svc refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "code", content = "data")]
pub enum UserError {
    /// Another account has this address.
    #[error("there is an account with this e-mail address")]
    #[serde(rename = "user.email_taken")]
    EmailTaken,
    /// No such account, or none that who asks may see.
    #[error("there is no such user")]
    #[serde(rename = "user.not_found")]
    NotFound,
    /// The address is unknown or the password is wrong; which of the two is not said.
    #[error("e-mail address or password is wrong")]
    #[serde(rename = "user.wrong_credentials")]
    WrongCredentials,
    /// The account has been closed. Said only after the right password.
    #[error("this account is disabled")]
    #[serde(rename = "user.disabled")]
    Disabled,
    /// Only administrators may.
    #[error("only an administrator may do this")]
    #[serde(rename = "user.forbidden")]
    Forbidden,
    /// The refresh token is unknown, has ended, or was used before.
    #[error("this session has ended; log in again")]
    #[serde(rename = "user.session_ended")]
    SessionEnded,
    /// There must be one.
    #[error("this is the last administrator")]
    #[serde(rename = "user.last_admin")]
    LastAdmin,
    /// Too many passwords wait to be checked.
    #[error("too many log-ins at once; try again in a moment")]
    #[serde(rename = "user.too_busy")]
    TooBusy,
}

impl Refusal for UserError {
    fn kind(&self) -> RefusalKind {
        match self {
            Self::EmailTaken | Self::LastAdmin => RefusalKind::Conflict,
            Self::NotFound => RefusalKind::NotFound,
            Self::WrongCredentials | Self::SessionEnded => RefusalKind::Unauthenticated,
            Self::Disabled | Self::Forbidden => RefusalKind::Forbidden,
            Self::TooBusy => RefusalKind::Busy,
        }
    }
}

/// Asks user-svc to open an account. A role other than `user` needs an administrator as caller.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema, Validate, ToSchema)]
pub struct Register {
    /// The log-in address; unique without regard to case.
    #[garde(custom(rules::email))]
    #[schema(format = Email, max_length = 254)]
    pub email: String,
    /// 8 to 71 bytes.
    #[garde(custom(rules::password))]
    #[schema(value_type = String, format = Password, max_length = 71)]
    pub password: Secret,
    /// What the person is called; without it, what stands before the @.
    #[serde(default)]
    #[garde(inner(custom(rules::name)))]
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\x00-\x1f\x7f-\x9f\s][^\x00-\x1f\x7f-\x9f]*$"
    )]
    pub name: Option<String>,
    /// What the person may do.
    #[serde(default)]
    #[garde(skip)]
    pub role: Option<Role>,
}

impl Request for Register {
    const ROUTE: &'static str = "user.register";
    const EFFECT: Effect = Effect::Once;
    type Reply = User;
    type Error = UserError;

    fn validate(&self) -> Result<(), Vec<FieldError>> {
        check(self)
    }
}

/// Asks user-svc for tokens in exchange for a password. Repeatable, because its reply must not be
/// stored: a repeat opens one more session, which ends unused.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema, Validate, ToSchema)]
pub struct Login {
    /// The log-in address, in any case.
    #[garde(length(chars, min = 1, max = 254))]
    #[schema(min_length = 1, max_length = 254)]
    pub email: String,
    /// The password.
    #[garde(custom(rules::any_password))]
    #[schema(value_type = String, format = Password, min_length = 1, max_length = 1000)]
    pub password: Secret,
}

impl Request for Login {
    const ROUTE: &'static str = "user.login";
    const EFFECT: Effect = Effect::Repeatable;
    type Reply = LoggedIn;
    type Error = UserError;

    fn validate(&self) -> Result<(), Vec<FieldError>> {
        check(self)
    }
}

/// Tokens, and whose they are.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoggedIn {
    /// The JWT that goes into `Authorization: Bearer …`.
    #[schema(value_type = String)]
    pub access_token: Secret,
    /// Always `Bearer`.
    pub token_type: String,
    /// Seconds until the access token ends.
    pub expires_in: u64,
    /// The opaque token by which new ones are got. For one use.
    #[schema(value_type = String)]
    pub refresh_token: Secret,
    /// Who has logged in.
    pub user: User,
}

/// Asks user-svc whether an access token is good.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema, Validate, ToSchema)]
pub struct VerifyToken {
    /// The token.
    #[garde(custom(rules::any_token))]
    #[schema(value_type = String, min_length = 1, max_length = 8192)]
    pub token: Secret,
}

impl Request for VerifyToken {
    const ROUTE: &'static str = "user.verify";
    const EFFECT: Effect = Effect::Repeatable;
    type Reply = Verification;
    type Error = UserError;

    fn validate(&self) -> Result<(), Vec<FieldError>> {
        check(self)
    }
}

/// Whether a token is good, and what it says or why it is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct Verification {
    /// Whether it is good.
    pub valid: bool,
    /// What it says, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<Claims>,
    /// Why it is not, if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Asks user-svc for an account. Whoever asks for nobody (a service) sees all of it; a caller
/// sees all of the own one, an administrator of every one, others id and name.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct GetUser {
    /// Whose.
    pub id: Uuid,
}

impl Request for GetUser {
    const ROUTE: &'static str = "user.get";
    const EFFECT: Effect = Effect::Repeatable;
    type Reply = User;
    type Error = UserError;
}

/// Asks user-svc to change name or address of an account: one's own, or as an administrator.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema, Validate)]
pub struct UpdateUser {
    /// Whose.
    #[garde(skip)]
    pub id: Uuid,
    /// The new name, if it changes.
    #[serde(default)]
    #[garde(inner(custom(rules::name)))]
    pub name: Option<String>,
    /// The new log-in address, if it changes.
    #[serde(default)]
    #[garde(inner(custom(rules::email)))]
    pub email: Option<String>,
}

impl Request for UpdateUser {
    const ROUTE: &'static str = "user.update";
    const EFFECT: Effect = Effect::Repeatable;
    type Reply = User;
    type Error = UserError;

    fn validate(&self) -> Result<(), Vec<FieldError>> {
        check(self)
    }
}

/// Asks user-svc for accounts, by name. Who is no administrator searches by at least two
/// characters, without filters, and sees id and name.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema, Validate, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct FindUsers {
    /// How the name begins, in any case.
    #[garde(inner(length(chars, max = 100)))]
    #[param(max_length = 100)]
    pub query: Option<String>,
    /// Only those with this role.
    #[garde(skip)]
    pub role: Option<Role>,
    /// Only those in this state.
    #[garde(skip)]
    pub status: Option<Status>,
    /// Items on the page, 1 to 100; 20 if not said.
    #[garde(inner(range(min = 1, max = MAX_LIMIT)))]
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// The cursor of the page before.
    #[garde(inner(length(bytes, max = 1000)))]
    #[param(max_length = 1000)]
    pub cursor: Option<String>,
}

impl Request for FindUsers {
    const ROUTE: &'static str = "user.find";
    const EFFECT: Effect = Effect::Repeatable;
    type Reply = Page<User>;
    type Error = UserError;

    fn validate(&self) -> Result<(), Vec<FieldError>> {
        check(self)
    }
}

/// Asks user-svc for the public keys of its tokens.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
pub struct GetPublicKeys {}

impl Request for GetPublicKeys {
    const ROUTE: &'static str = "user.public_keys";
    const EFFECT: Effect = Effect::Repeatable;
    type Reply = KeySet;
    type Error = UserError;
}
