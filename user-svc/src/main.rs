//! Accounts.
fn main() {}
