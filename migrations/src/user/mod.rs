//! user-svc: accounts, sessions, signing keys.

use crate::Schema;

mod m0001_accounts;

/// The schema of user-svc.
pub const SCHEMA: Schema = Schema {
    service: "user-svc",
    table: "user_migrations",
    migrations: || {
        let mut all = mesh::durable::schema::migrations();
        all.push(Box::new(m0001_accounts::Accounts));
        all
    },
};
