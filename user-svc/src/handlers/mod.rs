//! The answers, one file for each group of contracts.

pub(crate) mod log_in;
pub(crate) mod people;
pub(crate) mod tokens;

use common_messages::user::Role;
use mesh::Caller;

fn is_admin(caller: &Caller) -> bool {
    caller.role == Role::Admin.as_str()
}
