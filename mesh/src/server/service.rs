//! A service: its handlers, and its life from start to stop.

use std::{collections::HashMap, future::Future, sync::Arc, time::Duration};

use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    hearing::Hearing,
    intake::Intake,
    queues::{each_subscription, event_subscriptions, request_subscriptions},
};
use crate::{
    context::Ctx,
    contract::{Effect, Event, Request},
    database::Database,
    durable::{Durable, relay::Relay},
    handler::{ErasedHandler, Heard, Reply, erase, erase_event},
    mesh::{Mesh, StartError},
};

/// Something that answers: a member of the mesh, its state, and a handler for each contract.
///
/// ```no_run
/// # use mesh::*;
/// # #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
/// # struct Greet { name: String }
/// # impl Request for Greet { const ROUTE: &'static str = "greeter.greet";
/// #   const EFFECT: Effect = Effect::Repeatable; type Reply = String; type Error = Never; }
/// struct App { salutation: String }
///
/// async fn greet(ctx: Ctx<App>, request: Greet) -> Reply<Greet> {
///     Ok(format!("{}, {}", ctx.app().salutation, request.name))
/// }
///
/// # async fn example(mesh: Mesh) -> Result<(), Box<dyn std::error::Error>> {
/// Service::new(mesh, App { salutation: "Hello".into() })
///     .handle(greet)
///     .run_until(shutdown::signal())
///     .await?;
/// # Ok(()) }
/// ```
///
/// A handler whose reply is not the contract's does not compile:
///
/// ```compile_fail,E0271
/// # use mesh::*;
/// # #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
/// # struct Greet { name: String }
/// # impl Request for Greet { const ROUTE: &'static str = "greeter.greet";
/// #   const EFFECT: Effect = Effect::Repeatable; type Reply = String; type Error = Never; }
/// async fn greet(_: Ctx<()>, _: Greet) -> Result<u32, HandlerError<Never>> {
///     Ok(42) // the contract promises a String
/// }
/// # fn example(mesh: Mesh) {
/// Service::new(mesh, ()).handle(greet);
/// # }
/// ```
///
/// Nor does one that refuses in another contract's words:
///
/// ```compile_fail,E0271
/// # use mesh::*;
/// # #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
/// # struct Greet { name: String }
/// # impl Request for Greet { const ROUTE: &'static str = "greeter.greet";
/// #   const EFFECT: Effect = Effect::Repeatable; type Reply = String; type Error = Never; }
/// # #[derive(Debug, thiserror::Error, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
/// # #[serde(tag = "code", content = "data")]
/// # #[error("closed")] enum Other { Closed }
/// # impl Refusal for Other { fn kind(&self) -> RefusalKind { RefusalKind::Busy } }
/// async fn greet(_: Ctx<()>, _: Greet) -> Result<String, HandlerError<Other>> {
///     Err(Other::Closed.into()) // the contract never refuses
/// }
/// # fn example(mesh: Mesh) {
/// Service::new(mesh, ()).handle(greet);
/// # }
/// ```
#[must_use = "a service does nothing until it is run"]
pub struct Service<S> {
    mesh: Mesh,
    app: Arc<S>,
    handlers: HashMap<&'static str, ErasedHandler<S>>,
    listeners: HashMap<&'static str, ErasedHandler<S>>,
    listeners_each: HashMap<&'static str, ErasedHandler<S>>,
    database: Option<Database>,
}

/// A service that did not stop cleanly.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    /// It never started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Not everything that had begun was finished in the time of grace.
    #[error("{unfinished} requests were still running after {grace:?}; they will be redelivered")]
    Unfinished {
        /// How many.
        unfinished: usize,
        /// How long they were given.
        grace: Duration,
    },
}

impl<S: Send + Sync + 'static> Service<S> {
    /// A service of the member `mesh`, with `app` as what its handlers share.
    pub fn new(mesh: Mesh, app: S) -> Self {
        Self {
            mesh,
            app: Arc::new(app),
            handlers: HashMap::new(),
            listeners: HashMap::new(),
            listeners_each: HashMap::new(),
            database: None,
        }
    }

    /// Lets handlers change data, by `ctx.begin()`. The mesh's own tables must be there:
    /// [`durable::schema`](crate::durable::schema).
    pub fn database(mut self, database: Database) -> Self {
        self.database = Some(database);
        self
    }

    /// Answers a contract; which one follows from the handler's second argument.
    pub fn handle<R, H, F>(mut self, handler: H) -> Self
    where
        R: Request,
        H: Fn(Ctx<S>, R) -> F + Send + Sync + 'static,
        F: Future<Output = Reply<R>> + Send + 'static,
    {
        self.handlers.insert(R::ROUTE, erase(handler));
        self
    }

    /// Hears an event, once per service: durably, with retries, also what happened while the
    /// service was away. Its effect happens once if the handler changes data by `ctx.begin()`.
    pub fn on<E, H, F>(mut self, handler: H) -> Self
    where
        E: Event,
        H: Fn(Ctx<S>, E) -> F + Send + Sync + 'static,
        F: Future<Output = Heard> + Send + 'static,
    {
        self.listeners.insert(E::KEY, erase_event(handler));
        self
    }

    /// Hears an event in every instance, while it is connected.
    pub fn on_each<E, H, F>(mut self, handler: H) -> Self
    where
        E: Event,
        H: Fn(Ctx<S>, E) -> F + Send + Sync + 'static,
        F: Future<Output = Heard> + Send + 'static,
    {
        self.listeners_each.insert(E::KEY, erase_event(handler));
        self
    }

    /// Answers until `stop` completes, then lets what has begun finish, and leaves.
    ///
    /// # Errors
    /// [`StopError::Start`] at once where handlers and manifest differ;
    /// [`StopError::Unfinished`] where the time of grace did not suffice.
    pub async fn run_until(self, stop: impl Future<Output = ()>) -> Result<(), StopError> {
        self.check_handlers()?;
        let mesh = self.mesh.clone();
        let running = self.start().await;
        stop.await;
        tracing::info!(in_flight = mesh.member().stats.in_flight(), "stopping");
        let finished = running.stop(&mesh).await;
        mesh.stop().await;
        finished
    }

    /// Both ways: nothing promised that is not handled, nothing handled that is not promised.
    fn check_handlers(&self) -> Result<(), StartError> {
        let manifest = self.mesh.manifest();
        let mut differences = differences(manifest.answers.keys(), self.handlers.keys());
        differences.extend(self::differences(manifest.hears.keys(), self.listeners.keys()));
        let each = (manifest.hears_each.keys(), self.listeners_each.keys());
        differences.extend(self::differences(each.0, each.1));
        let once = manifest.answers.values().filter(|contract| contract.effect == Effect::Once);
        if self.database.is_none() {
            differences.extend(
                once.map(|c| format!("{} is of Effect::Once and needs a database", c.route)),
            );
        }
        if differences.is_empty() {
            return Ok(());
        }
        differences.sort();
        let difference = differences.join(", ");
        Err(StartError::Handlers { service: manifest.name, difference })
    }

    async fn start(self) -> Running {
        let (closing, tasks) = (CancellationToken::new(), TaskTracker::new());
        let mesh = self.mesh.clone();
        let relay_stop = CancellationToken::new();
        let durable = self.database.map(|database| Durable {
            relay: Relay::start(&mesh, &database, relay_stop.clone()),
            database,
        });
        let hearing = |handlers| {
            Arc::new(Hearing {
                mesh: mesh.clone(),
                app: Arc::clone(&self.app),
                handlers,
                durable: durable.clone(),
                tasks: tasks.clone(),
            })
        };
        let mut subscriptions = event_subscriptions(&mesh, &hearing(self.listeners), &closing);
        if !self.listeners_each.is_empty() {
            let each = hearing(self.listeners_each);
            subscriptions.push(each_subscription(&mesh, &each, &closing));
        }
        if mesh.manifest().is_service() {
            let once = mesh.manifest().answers.values().filter(|c| c.effect == Effect::Once);
            let intake = Arc::new(Intake {
                mesh: mesh.clone(),
                app: self.app,
                handlers: self.handlers,
                once: once.map(|contract| contract.route).collect(),
                durable: durable.clone(),
                tasks: tasks.clone(),
            });
            subscriptions.extend(request_subscriptions(&mesh, &intake, &closing));
        }
        for subscription in subscriptions {
            mesh.member().link.subscribe(subscription).await;
        }
        Running { closing, tasks, relay_stop }
    }
}

/// What is promised and not handled, and what is handled and not promised.
fn differences<'a>(
    promised: impl Iterator<Item = &'a &'static str> + Clone,
    handled: impl Iterator<Item = &'a &'static str> + Clone,
) -> Vec<String> {
    let missing = promised.clone().filter(|name| !handled.clone().any(|other| other == *name));
    let surplus = handled.clone().filter(|name| !promised.clone().any(|other| other == *name));
    let missing = missing.map(|name| format!("{name} has no handler"));
    missing.chain(surplus.map(|name| format!("{name} is not in the manifest"))).collect()
}

impl<S> std::fmt::Debug for Service<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.mesh.identity().service;
        f.debug_struct("Service").field("name", &name).finish_non_exhaustive()
    }
}

struct Running {
    closing: CancellationToken,
    tasks: TaskTracker,
    relay_stop: CancellationToken,
}

impl Running {
    /// Takes nothing new, and waits for what has begun.
    async fn stop(self, mesh: &Mesh) -> Result<(), StopError> {
        mesh.leave().await;
        self.closing.cancel();
        self.tasks.close();
        let grace = mesh.member().config.grace;
        let finished = timeout(grace, self.tasks.wait()).await;
        // What those have emitted is told before the link is closed.
        self.relay_stop.cancel();
        if finished.is_err() {
            return Err(StopError::Unfinished { unfinished: self.tasks.len(), grace });
        }
        Ok(())
    }
}
