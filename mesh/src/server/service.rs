//! A service: its handlers, and its life from start to stop.

use std::{collections::HashMap, future::Future, sync::Arc, time::Duration};

use lapin::message::Delivery;
use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::intake::Intake;
use crate::{
    context::Ctx,
    contract::Request,
    handler::{ErasedHandler, Reply, erase},
    link::{QueueName, Subscription},
    mesh::{Mesh, StartError},
    topology,
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
        Self { mesh, app: Arc::new(app), handlers: HashMap::new() }
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
        let missing = manifest.answers.keys().filter(|route| !self.handlers.contains_key(*route));
        let surplus = self.handlers.keys().filter(|route| !manifest.answers.contains_key(*route));
        let mut differences: Vec<String> = missing
            .map(|route| format!("{route} has no handler"))
            .chain(surplus.map(|route| format!("{route} is not in the manifest")))
            .collect();
        if differences.is_empty() {
            return Ok(());
        }
        differences.sort();
        let difference = differences.join(", ");
        Err(StartError::Handlers { service: manifest.name, difference })
    }

    async fn start(self) -> Running {
        let closing = CancellationToken::new();
        let tasks = TaskTracker::new();
        let intake = Arc::new(Intake {
            mesh: self.mesh.clone(),
            app: self.app,
            handlers: self.handlers,
            tasks: tasks.clone(),
        });
        let identity = self.mesh.identity();
        let (service, instance) = (identity.service, &identity.instance);
        let shared = QueueName::Shared(topology::request_queue(service));
        let own = QueueName::Own(topology::instance_queue(service, instance));
        // The instance's own queue first: a probe must find whoever takes from the shared one.
        let queues = [
            (own, topology::instance_binding(service, instance)),
            (shared, topology::request_binding(service)),
        ];
        for (queue, key) in queues {
            let intake = Arc::clone(&intake);
            let subscription = Subscription {
                queue,
                bindings: vec![(topology::RPC.to_owned(), key)],
                prefetch: Some(self.mesh.member().config.prefetch),
                deliver: Arc::new(move |delivery: Delivery| intake.take(delivery)),
                closing: closing.clone(),
            };
            self.mesh.member().link.subscribe(subscription).await;
        }
        Running { closing, tasks }
    }
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
}

impl Running {
    /// Takes nothing new, and waits for what has begun.
    async fn stop(self, mesh: &Mesh) -> Result<(), StopError> {
        mesh.leave().await;
        self.closing.cancel();
        self.tasks.close();
        let grace = mesh.member().config.grace;
        if timeout(grace, self.tasks.wait()).await.is_err() {
            return Err(StopError::Unfinished { unfinished: self.tasks.len(), grace });
        }
        Ok(())
    }
}
