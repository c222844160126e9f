//! The handle of one member: it calls, and sees who is there.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::future::join_all;
use lapin::message::Delivery;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    announcer,
    beginnings::Beginnings,
    breaker::BreakerState,
    call::Call,
    config::{ConfigError, MeshConfig},
    contract::Request,
    deadline::unix_ms,
    destination::Destination,
    durable::inbox::FingerprintKey,
    envelope::read_reply,
    identity::Identity,
    link::{Link, QueueName, Subscription},
    manifest::{Manifest, ManifestError, Manifests},
    pending::{Pending, Settlement},
    registry::{Announcement, Registry},
    stats::Stats,
    topology,
};

/// A member of the mesh. Cheap to clone; all clones are one member.
///
/// ```no_run
/// # use mesh::*;
/// # #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
/// # struct Greet { name: String }
/// # impl Request for Greet { const ROUTE: &'static str = "greeter.greet";
/// #   const EFFECT: Effect = Effect::Repeatable; type Reply = String; type Error = Never; }
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let manifests = Manifests::new([
///     Manifest::new("greeter-svc").answers::<Greet>(),
///     Manifest::new("front").calls::<Greet>(),
/// ])?;
/// let config = MeshConfig::at("amqp://127.0.0.1:5672", "front's password")?;
/// let mesh = Mesh::start(&manifests, "front", config)?;
/// let greeting = mesh.call(Greet { name: "Anna".into() }).await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Mesh(Arc<Member>);

/// Why a member cannot start. Not being able to reach the broker is no reason: it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The manifests contradict one another.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The handlers are not those that the manifest promises.
    #[error("{service}: the manifest and the handlers differ: {difference}")]
    Handlers {
        /// Whose manifest.
        service: &'static str,
        /// What is missing, and what is too much.
        difference: String,
    },
}

#[derive(Debug)]
pub(crate) struct Member {
    pub identity: Identity,
    pub manifests: Manifests,
    pub manifest: Manifest,
    pub config: MeshConfig,
    pub link: Link,
    pub pending: Arc<Pending>,
    pub destinations: HashMap<String, Destination>,
    pub registry: Arc<Registry>,
    pub stats: Arc<Stats>,
    /// Unix milliseconds.
    pub started_at: u64,
    pub fingerprint_key: FingerprintKey,
    /// Ends the announcing.
    leaving: CancellationToken,
    /// When the callees were last probed, by service.
    pub probes: std::sync::Mutex<HashMap<String, Instant>>,
}

impl Mesh {
    /// Joins as `name` and keeps the connection to the broker up from here on. It does not wait
    /// for it: calls made before there is one are [`Unavailable`](crate::FailureKind).
    ///
    /// # Errors
    /// See [`StartError`]. Must be called within a tokio runtime.
    pub fn start(
        manifests: &Manifests,
        name: &str,
        config: MeshConfig,
    ) -> Result<Self, StartError> {
        let manifest = manifests.get(name)?.clone();
        let uri = config.uri_for(manifest.name)?;
        let fingerprint_key = FingerprintKey::from_secret(&uri.authority.userinfo.password);
        let identity = Identity::draw(manifest.name);
        let pending = Arc::new(Pending::default());
        let called = manifest.called_services();
        let replies = reply_subscription(&manifest, Arc::clone(&pending));
        let link = Link::start(uri, identity.clone(), Arc::clone(&pending), replies);
        let destination = |service: &String| {
            Destination::new(service.clone(), config.breaker_failures, config.bulkhead)
        };
        let member = Member {
            destinations: called.iter().map(|s| (s.clone(), destination(s))).collect(),
            registry: Arc::new(Registry::new(called)),
            stats: Arc::default(),
            started_at: unix_ms(),
            fingerprint_key,
            leaving: CancellationToken::new(),
            probes: std::sync::Mutex::default(),
            manifests: manifests.clone(),
            identity,
            manifest,
            config,
            link,
            pending,
        };
        let mesh = Self(Arc::new(member));
        announcer::start(&mesh, mesh.0.leaving.clone());
        Ok(mesh)
    }

    /// Asks, and waits for the answer: `mesh.call(request).await`. The builder that it returns
    /// says on whose behalf, within what time, in which trace.
    pub fn call<R: Request>(&self, request: R) -> Call<'_, R> {
        Call::new(self, request)
    }

    /// Who this process is.
    pub fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// What this member answers and calls.
    pub fn manifest(&self) -> &Manifest {
        &self.0.manifest
    }

    /// Who is alive.
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// The state of the breaker for `service`, and the failures counted towards it. `None` if
    /// this member does not call it.
    pub fn breaker(&self, service: &str) -> Option<(BreakerState, usize)> {
        self.0.destinations.get(service).map(|to| to.breaker.state())
    }

    /// Calls that wait for a reply now.
    pub fn calls_in_flight(&self) -> usize {
        self.0.pending.len()
    }

    /// Requests being handled now.
    pub fn requests_in_flight(&self) -> u64 {
        self.0.stats.in_flight()
    }

    /// Requests answered since the start, refusals included.
    pub fn requests_handled(&self) -> u64 {
        self.0.stats.handled()
    }

    /// Whether there is a connection to the broker, and the broker takes messages.
    pub fn is_connected(&self) -> bool {
        self.0.link.session().is_some_and(|session| !session.is_blocked())
    }

    /// Waits for a connection to the broker.
    pub async fn connected(&self) {
        // It only fails when the member has been stopped, and then nothing is waited for.
        let _ = self.0.link.ready().wait_for(|ready| *ready).await;
    }

    /// Tells of each time that this member has begun to listen: at every connection to the broker,
    /// and for every queue besides. Who keeps what events tell reads all of it anew then, because
    /// what was told before may have been missed.
    pub fn beginnings(&self) -> Beginnings {
        Beginnings::new(self.0.link.begun())
    }

    /// Waits until an instance of `service` is known to be alive, at most for `limit`.
    /// Returns whether one is.
    pub async fn sees(&self, service: &str, limit: Duration) -> bool {
        let seen = async {
            while self.0.registry.instances(service).is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(limit, seen).await.is_ok()
    }

    /// Leaves: says so, lets what was handed over reach the broker, and closes the connection.
    pub async fn stop(&self) {
        self.leave().await;
        if let Some(session) = self.0.link.session() {
            // A broker that takes nothing must not keep us.
            let _ = timeout(Duration::from_secs(2), session.flush()).await;
        }
        self.0.link.stop().await;
    }

    /// Is gone at once, as a killed process is: nothing said, nothing flushed.
    #[cfg(feature = "testing")]
    pub async fn stop_without_a_word(&self) {
        self.0.leaving.cancel();
        self.0.link.stop().await;
    }

    /// Tells the others that this instance is going.
    pub(crate) async fn leave(&self) {
        self.0.leaving.cancel();
        announcer::announce(self, true);
    }

    /// Asks every known instance of `service` for a sign of life, at most twice a second. Whose
    /// queue is gone is taken out of the registry.
    pub(crate) async fn probe(&self, service: &str) {
        if !self.0.may_probe(service) {
            return;
        }
        let instances = self.0.registry.ids(service);
        join_all(instances.iter().map(|instance| async move {
            if self.0.ping(service, instance).await == Some(false) {
                self.0.registry.lose(service, instance);
            }
        }))
        .await;
    }

    pub(crate) fn member(&self) -> &Member {
        &self.0
    }

    pub(crate) fn downgrade(&self) -> std::sync::Weak<Member> {
        Arc::downgrade(&self.0)
    }

    pub(crate) fn upgrade(member: &std::sync::Weak<Member>) -> Option<Self> {
        member.upgrade().map(Self)
    }

    /// What this instance says of itself now.
    pub(crate) fn announcement(&self, leaving: bool) -> Announcement {
        let member = &self.0;
        let contracts = member.manifest.answers.values();
        Announcement {
            service: member.identity.service.to_owned(),
            instance: member.identity.instance.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: member.started_at,
            clock: unix_ms(),
            contracts: contracts.map(|c| (c.route.to_owned(), c.schema_hash())).collect(),
            counters: member.stats.read(),
            leaving,
        }
    }
}

impl Member {
    fn may_probe(&self, service: &str) -> bool {
        const PAUSE: Duration = Duration::from_millis(500);
        let mut probes = self.probes.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let now = Instant::now();
        let due = probes.get(service).is_none_or(|last| now - *last >= PAUSE);
        if due {
            probes.insert(service.to_owned(), now);
        }
        due
    }
}

/// Replies settle the calls that wait for them.
fn reply_subscription(manifest: &Manifest, pending: Arc<Pending>) -> Subscription {
    let exchange = topology::reply_exchange(manifest.name);
    let deliver = move |delivery: Delivery| {
        let Some((correlation, reply)) = read_reply(delivery) else {
            return metrics::counter!("mesh_replies_unreadable_total").increment(1);
        };
        if !pending.settle(correlation, Settlement::Reply(reply)) {
            metrics::counter!("mesh_replies_late_total").increment(1);
        }
    };
    let has_calls = !manifest.calls.is_empty();
    Subscription {
        queue: QueueName::Replies { caller: manifest.name },
        bindings: if has_calls { vec![(exchange, String::new())] } else { Vec::new() },
        prefetch: None,
        deliver: Arc::new(deliver),
        closing: CancellationToken::new(),
    }
}
