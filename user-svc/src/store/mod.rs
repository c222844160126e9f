//! Every query. Functions take the connection, so that they can be parts of a transaction.

pub(crate) mod keys;
pub(crate) mod refresh_tokens;
pub(crate) mod sessions;
#[cfg(test)]
mod tests;
pub(crate) mod users;

use chrono::{DateTime, SubsecRound, Utc};

/// Now, to the millisecond, which is what both kinds of database and JSON keep alike.
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(3)
}

/// A text without regard to case: for uniqueness and search. Letter by letter, because the lower
/// case of a whole word depends on where it ends (Σ), and then a prefix would not be one.
fn key_of(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}
