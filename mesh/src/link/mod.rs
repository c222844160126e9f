//! The connection to the broker, kept up for ever.
//!
//! # Layout
//! - [`supervisor`]: connect, run, fail what was pending, start again
//! - [`session`]: one life of the connection, from connect to the first fault
//! - [`publisher`]: the task that owns a channel and writes to it
//! - [`subscription`]: a queue that is declared and consumed in every session
//!
//! A session is two connections that live and die together: one publishes, one consumes, so
//! that a broker that blocks publishing does not stop acknowledgements. lapin's own recovery
//! is not used.

mod publisher;
mod session;
mod subscription;
mod supervisor;

pub(crate) use publisher::{Care, Outgoing, SendError};
pub(crate) use subscription::{QueueName, Subscription};
pub(crate) use supervisor::Link;
