//! Every query. Functions take the connection, so that they can be parts of a transaction.

pub(crate) mod history;
pub(crate) mod orders;
#[cfg(test)]
mod tests;

use chrono::{DateTime, SubsecRound, Utc};

/// Now, to the millisecond, which is what both kinds of database and JSON keep alike.
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(3)
}
