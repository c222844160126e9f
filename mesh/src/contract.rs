//! What is said, as types: a request knows its route, its reply, its refusals and its limits.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::refusal::{FieldError, Refusal};

/// Whether a request may run twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Running it again does no harm: reads, and writes that say "be so".
    Repeatable,
    /// Running it twice would do it twice.
    Once,
}

/// A question with one answer.
///
/// ```
/// use mesh::{Effect, Never, Request};
/// use serde::{Serialize, Deserialize};
/// use schemars::JsonSchema;
///
/// /// Asks greeter-svc for a greeting.
/// #[derive(Debug, Serialize, Deserialize, JsonSchema)]
/// struct Greet { name: String }
///
/// impl Request for Greet {
///     const ROUTE: &'static str = "greeter.greet";
///     const EFFECT: Effect = Effect::Repeatable;
///     type Reply = String;
///     type Error = Never;
/// }
/// ```
pub trait Request: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// `service.method`, lower case with underscores; the service's name is without `-svc`.
    const ROUTE: &'static str;
    /// Whether it may run twice; decides what is tried again when the outcome is unknown.
    const EFFECT: Effect;
    /// How long a caller waits who does not say otherwise and has no deadline of its own.
    const TIMEOUT: Duration = Duration::from_secs(5);
    /// What is answered.
    type Reply: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static;
    /// What is refused.
    type Error: Refusal;

    /// Checks the rules that the type itself cannot express. The service checks them before
    /// its handler runs, so a handler only ever sees a request that keeps them.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    fn validate(&self) -> Result<(), Vec<FieldError>> {
        Ok(())
    }
}

/// Something that has happened, told by the service that owns it.
///
/// It is published after the change it tells of was committed, at least once, with a stable id.
/// [`aggregate`](Event::aggregate) and [`version`](Event::version) let a subscriber drop what is
/// older than what it knows.
pub trait Event: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// `service.what_happened`; the service's name is without `-svc`.
    const KEY: &'static str;

    /// What it happened to.
    fn aggregate(&self) -> Uuid;

    /// The version of the aggregate that this change made; it only grows.
    fn version(&self) -> u64;
}

/// An event without its type: what manifests and documents list.
#[derive(Debug, Clone, Copy)]
pub struct EventContract {
    /// The routing key: `order.created`.
    pub key: &'static str,
    schema: fn() -> schemars::Schema,
}

impl EventContract {
    /// The event that `E` declares.
    pub fn of<E: Event>() -> Self {
        Self { key: E::KEY, schema: || schemars::schema_for!(E) }
    }

    /// Its JSON Schema.
    pub fn schema(&self) -> schemars::Schema {
        (self.schema)()
    }
}

/// A contract without its types: what manifests, announcements and documents list.
#[derive(Debug, Clone, Copy)]
pub struct Contract {
    /// The route: `user.register`.
    pub route: &'static str,
    /// Whether it may run twice.
    pub effect: Effect,
    /// How long a caller waits who does not say otherwise.
    pub timeout: Duration,
    schemas: fn() -> Schemas,
}

/// The JSON Schemas of a contract.
#[derive(Debug, Clone, PartialEq)]
pub struct Schemas {
    /// Of the request.
    pub request: schemars::Schema,
    /// Of the reply.
    pub reply: schemars::Schema,
    /// Of the refusals.
    pub refusal: schemars::Schema,
}

impl Contract {
    /// The contract that `R` declares.
    pub fn of<R: Request>() -> Self {
        Self {
            route: R::ROUTE,
            effect: R::EFFECT,
            timeout: R::TIMEOUT,
            schemas: || Schemas {
                request: schemars::schema_for!(R),
                reply: schemars::schema_for!(R::Reply),
                refusal: schemars::schema_for!(R::Error),
            },
        }
    }

    /// The JSON Schemas of request, reply and refusals.
    pub fn schemas(&self) -> Schemas {
        (self.schemas)()
    }

    /// Twelve hexadecimal digits that change when the contract's schemas do.
    pub fn schema_hash(&self) -> String {
        let Schemas { request, reply, refusal } = self.schemas();
        let text = format!("{}\n{}\n{}", request.as_value(), reply.as_value(), refusal.as_value());
        let digest = Sha256::digest(text);
        digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
    }
}
