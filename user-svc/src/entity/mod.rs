//! The tables, as `migrations::user` makes them.

pub(crate) mod refresh_tokens;
pub(crate) mod sessions;
pub(crate) mod signing_keys;
pub(crate) mod users;
