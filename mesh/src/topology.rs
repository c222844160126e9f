//! Every name in the broker, and how it is built. Nothing else spells one out.
//!
//! Names carry no prefix: one vhost is one environment. They are meant to be read by an
//! operator in the management UI, so a queue is called what its owner is called.

/// Requests travel through this topic exchange; the key is the route (`user.register`).
pub const RPC: &str = "mesh.rpc";
/// What has happened, published by the service that owns it.
pub const EVENTS: &str = "mesh.events";
/// Frames on their way to sockets.
pub const PUSH: &str = "mesh.push";
/// Who is alive: announcements and questions for them.
pub const CONTROL: &str = "mesh.control";

/// The exchanges that belong to the mesh itself, all of kind topic.
pub const SHARED_EXCHANGES: [&str; 4] = [RPC, EVENTS, PUSH, CONTROL];

/// The method every answering instance has: a sign of life.
pub const PING: &str = "ping";
/// The control key that every instance answers with an announcement.
pub const ASK_ALL: &str = "ask.all";

/// The service that answers `route`: the route's first word, with `-svc`.
///
/// ```
/// assert_eq!(mesh::topology::service_of("user.register"), "user-svc");
/// ```
pub fn service_of(route: &str) -> String {
    format!("{}-svc", first_word(route))
}

/// The first word of a route or an event's key: whose it is.
pub fn first_word(key: &str) -> &str {
    key.split('.').next().unwrap_or(key)
}

/// The first word of the routes that `service` answers: its name without `-svc`.
///
/// ```
/// assert_eq!(mesh::topology::word_of("user-svc"), "user");
/// ```
pub fn word_of(service: &str) -> &str {
    service.strip_suffix("-svc").unwrap_or(service)
}

/// The method a routing key on [`RPC`] asks for: what stands behind its last dot.
pub fn method_of(routing_key: &str) -> &str {
    routing_key.rsplit('.').next().unwrap_or(routing_key)
}

/// The queue that all instances of `service` share.
pub fn request_queue(service: &str) -> String {
    service.to_owned()
}

/// What the shared queue is bound to: every method of the service.
pub fn request_binding(service: &str) -> String {
    format!("{}.*", word_of(service))
}

/// The exclusive queue of one instance, for directed calls and probes.
pub fn instance_queue(service: &str, instance: &str) -> String {
    format!("{service}.{instance}")
}

/// What an instance's own queue is bound to.
pub fn instance_binding(service: &str, instance: &str) -> String {
    directed_key(service, instance, "*")
}

/// The key of a call to one instance, past the shared queue.
pub fn directed_key(service: &str, instance: &str, method: &str) -> String {
    format!("{}@{instance}.{method}", word_of(service))
}

/// The direct exchange through which `caller` gets its replies. Only the caller may bind to
/// it, and only those it calls may write to it.
pub fn reply_exchange(caller: &str) -> String {
    format!("mesh.reply.{caller}")
}

/// A reply queue; `nonce` is fresh for each connection, so that a name never has to be waited for.
pub fn reply_queue(caller: &str, nonce: &str) -> String {
    format!("reply.{caller}.{nonce}")
}

/// The exclusive queue on which an instance hears announcements and questions.
pub fn control_queue(service: &str, instance: &str) -> String {
    format!("{service}.{instance}.control")
}

/// The key of an instance's announcements.
pub fn announce_key(service: &str, instance: &str) -> String {
    format!("announce.{service}.{instance}")
}

/// What one binds to hear all instances of `service` announce themselves.
pub fn announce_binding(service: &str) -> String {
    format!("announce.{service}.*")
}

/// What one binds to hear everybody announce themselves.
pub const ANNOUNCE_ALL: &str = "announce.#";

/// The key by which all instances of `service` are asked to announce themselves.
pub fn ask_key(service: &str) -> String {
    format!("ask.{service}")
}

/// The queue in which `service` keeps the events of one key until it has handled them.
pub fn event_queue(service: &str, key: &str) -> String {
    format!("{service}.{key}")
}

/// The exclusive queue on which an instance hears events while it is connected.
pub fn instance_events_queue(service: &str, instance: &str) -> String {
    format!("{service}.{instance}.events")
}

/// The exchange through which `service` puts an event aside for a while, or parks it. The key is
/// `<rung>.<origin queue>`.
pub fn retry_exchange(service: &str) -> String {
    format!("{service}.retry")
}

/// The exchange through which an event comes back to the queue where it failed, under the key
/// with which it was put aside.
pub fn redeliver_exchange(service: &str) -> String {
    format!("{service}.redeliver")
}

/// A step of the retry ladder: how long an event that failed rests before it is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rung {
    /// The word in queue names and keys.
    pub name: &'static str,
    /// The rest, milliseconds.
    pub ttl_ms: u32,
}

/// The ladder. An event that has failed once more than there are rungs is parked.
pub const RUNGS: [Rung; 5] = [
    Rung { name: "1s", ttl_ms: 1_000 },
    Rung { name: "5s", ttl_ms: 5_000 },
    Rung { name: "30s", ttl_ms: 30_000 },
    Rung { name: "2m", ttl_ms: 120_000 },
    Rung { name: "10m", ttl_ms: 600_000 },
];

/// The queue of one rung.
pub fn retry_queue(service: &str, rung: Rung) -> String {
    format!("{service}.retry.{}", rung.name)
}

/// The key that puts an event of `queue` on a rung.
pub fn retry_key(rung: Rung, queue: &str) -> String {
    format!("{}.{queue}", rung.name)
}

/// What a rung's queue is bound to.
pub fn retry_binding(rung: Rung) -> String {
    format!("{}.#", rung.name)
}

/// What brings an event back to `queue`, whatever rung it was on.
pub fn redeliver_binding(queue: &str) -> String {
    format!("*.{queue}")
}

/// The queue of what could not be processed.
pub fn parked_queue(service: &str) -> String {
    format!("{service}.parked")
}

/// The key that parks an event of `queue`.
pub fn parked_key(queue: &str) -> String {
    format!("parked.{queue}")
}

/// What the parked queue is bound to.
pub const PARKED_BINDING: &str = "parked.#";
