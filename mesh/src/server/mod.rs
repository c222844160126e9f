//! Answering: a service, its handlers, and what happens to a request from its queue to its reply.
//!
//! # Layout
//! - [`service`]: the builder, and running until stopped
//! - [`intake`]: the checks that every request passes before its handler runs
//! - [`answer`]: the handler in its task, its deadline, its panics, and the reply

mod answer;
mod intake;
mod service;

pub use service::{Service, StopError};
