//! The gateway over HTTP. Most of it needs no broker: what a gateway without one refuses, and
//! how. Who asks is told by a user-svc of the tests, on a real broker; run by `./dev test`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bodies;
mod documents;
mod ground;
mod headers;
mod limits;
mod listening;
mod order_svc;
mod orders;
mod revocation;
mod session;
mod tokens;
mod user_svc;
