//! order-svc: orders, and the way that each has come.

use crate::Schema;

mod m0001_orders;

/// The schema of order-svc.
pub const SCHEMA: Schema = Schema {
    service: "order-svc",
    table: "order_migrations",
    migrations: || {
        let mut all = mesh::durable::schema::migrations();
        all.push(Box::new(m0001_orders::Orders));
        all
    },
};
