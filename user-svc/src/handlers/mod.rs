//! The answers, one file for each group of contracts.

pub(crate) mod admin;
pub(crate) mod log_in;
pub(crate) mod password;
pub(crate) mod people;
pub(crate) mod sessions;
pub(crate) mod tokens;

use common_messages::user::{Role, UserError};
use mesh::{Caller, HandlerError, Tx};

use crate::{entity::users::Status, store};

fn is_admin(caller: &Caller) -> bool {
    caller.role == Role::Admin.as_str()
}

/// Refuses a caller whose session or account has been closed since the token was given out. A
/// role need not be looked at: it never changes without ending the sessions.
async fn check_standing(tx: &Tx, caller: &Caller) -> Result<(), HandlerError<UserError>> {
    match store::sessions::standing(tx, caller.session_id, caller.user_id).await? {
        Some(Status::Active) => Ok(()),
        Some(Status::Disabled) => Err(UserError::Disabled.into()),
        None => Err(UserError::SessionEnded.into()),
    }
}
