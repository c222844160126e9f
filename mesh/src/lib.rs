//! Typed request/reply over RabbitMQ, honest under failure.
//!
//! A **contract** is a type: a [`Request`] knows its route, its reply and its refusals. A
//! [`Manifest`] says who answers and who calls what; permissions, topology and documents derive
//! from it. [`Mesh`] is the handle of one member: it calls. [`Service`] answers.
//!
//! ```no_run
//! use mesh::{Ctx, Effect, Manifest, Manifests, Mesh, MeshConfig, Never, Reply, Request, Service};
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//!
//! /// Asks greeter-svc for a greeting.
//! #[derive(Debug, Serialize, Deserialize, JsonSchema)]
//! struct Greet { name: String }
//!
//! impl Request for Greet {
//!     const ROUTE: &'static str = "greeter.greet";
//!     const EFFECT: Effect = Effect::Repeatable;
//!     type Reply = String;
//!     type Error = Never;
//! }
//!
//! async fn greet(_: Ctx<()>, request: Greet) -> Reply<Greet> {
//!     Ok(format!("Hello, {}", request.name))
//! }
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let manifests = Manifests::new([
//!     Manifest::new("greeter-svc").answers::<Greet>(),
//!     Manifest::new("front").calls::<Greet>(),
//! ])?;
//! let broker = "amqp://127.0.0.1:5672";
//!
//! // In one process …
//! let mesh = Mesh::start(&manifests, "greeter-svc", MeshConfig::at(broker, "password")?)?;
//! Service::new(mesh, ()).handle(greet).run_until(mesh::shutdown::signal()).await?;
//!
//! // … and in another.
//! let mesh = Mesh::start(&manifests, "front", MeshConfig::at(broker, "password")?)?;
//! assert_eq!(mesh.call(Greet { name: "Anna".into() }).await?, "Hello, Anna");
//! # Ok(()) }
//! ```
//!
//! # Layout
//!
//! What is said: [`contract`], [`refusal`], [`failure`], [`manifest`], [`caller`]. How it is
//! called in the broker: [`topology`], [`definitions`]; how it looks: `envelope`. Who says it:
//! [`Mesh`], `call` and `asking` on the one side, `server` on the other. What survives a
//! crash: [`durable`] and [`database`]. What keeps it going: `link`
//! (supervised connections), `pending` (who waits for a reply), `breaker`, `destination`
//! (breaker and bulkhead), `backoff`, [`registry`] and `announcer` (who is alive).
//!
//! # What a caller can count on
//!
//! A call ends within its deadline, with a reply, a refusal, or a [`Failure`] that names the
//! service and says whether anything may have happened. See [`FailureKind`].

mod announcer;
mod asking;
mod backoff;
mod beginnings;
mod breaker;
mod call;
pub mod caller;
pub mod config;
mod context;
pub mod contract;
pub mod database;
mod deadline;
pub mod definitions;
mod destination;
pub mod durable;
mod envelope;
pub mod failure;
mod handler;
mod identity;
mod link;
pub mod manifest;
mod mesh;
mod pending;
pub mod refusal;
pub mod registry;
mod server;
pub mod shutdown;
mod stats;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
pub mod topology;
mod trace;

pub use beginnings::Beginnings;
pub use breaker::BreakerState;
pub use call::{Answer, Call};
pub use caller::Caller;
pub use config::MeshConfig;
pub use context::Ctx;
pub use contract::{Contract, Effect, Event, EventContract, Request};
pub use deadline::Deadline;
pub use durable::{BeginError, Tx};
pub use failure::{CallError, Failure, FailureKind};
pub use handler::{HandlerError, Heard, NoCaller, Reply};
pub use identity::Identity;
pub use manifest::{Manifest, Manifests};
pub use mesh::{Mesh, StartError};
pub use refusal::{FieldError, Never, Refusal, RefusalKind, Rejection};
pub use registry::{Presence, Registry};
pub use server::{Service, StopError};
pub use trace::{BadTraceparent, TraceContext};
