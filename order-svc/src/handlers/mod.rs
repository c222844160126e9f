//! The answers, one file for each thing that is done with orders, and what is heard of users.

pub(crate) mod look;
pub(crate) mod place;
pub(crate) mod steps;
pub(crate) mod users;

use common_messages::user::Role;
use mesh::Caller;

use crate::store::orders::Whose;

fn is_admin(caller: &Caller) -> bool {
    caller.role == Role::Admin.as_str()
}

/// Whose orders the caller may see.
fn seen_by(caller: &Caller) -> Whose {
    if is_admin(caller) { Whose::Anybodys } else { Whose::Of(caller.user_id) }
}
