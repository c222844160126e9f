//! Answering: a service, its handlers, and what happens to a request from its queue to its reply.
//!
//! # Layout
//! - [`service`]: the builder, and running until stopped
//! - [`queues`]: what it takes from
//! - [`intake`]: the checks that every request passes before its handler runs
//! - [`answer`]: the handler in its task, its deadline, its panics, and the reply
//! - [`hearing`]: events, and what becomes of those that fail

mod answer;
mod hearing;
mod intake;
mod queues;
mod service;

pub use service::{Service, StopError};
