//! The tables, as `migrations::order` makes them.

pub(crate) mod order_history;
pub(crate) mod orders;
