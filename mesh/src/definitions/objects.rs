//! Exchanges, durable queues, their bindings, and the policies that bound them.
//!
//! Lengths, times and dead-letter targets are policies, so that they can change without the
//! queue being made anew; only the kind of queue is an argument.

use serde_json::{Value, json};

use crate::{
    manifest::{Manifest, Manifests},
    topology::{self, RUNGS},
};

/// Messages that a request queue holds; the next one is refused.
const REQUEST_QUEUE_LENGTH: u32 = 10_000;
/// Announcements, or events for one instance, that wait; older ones make room.
const INSTANCE_QUEUE_LENGTH: u32 = 10_000;
/// Events that wait for a service; the next one is refused, and its publisher tries again.
const EVENT_QUEUE_LENGTH: u32 = 1_000_000;
/// Deliveries after which an event is parked whose consumers die of it.
const DELIVERY_LIMIT: u32 = 20;

pub(super) fn exchanges(manifests: &Manifests, vhost: &str) -> Vec<Value> {
    let exchange = |name: String, kind: &str| {
        json!({
            "name": name, "vhost": vhost, "type": kind,
            "durable": true, "auto_delete": false, "internal": false, "arguments": {},
        })
    };
    let shared = topology::SHARED_EXCHANGES.iter().map(|name| exchange((*name).into(), "topic"));
    let callers = manifests.iter().filter(|member| !member.calls.is_empty());
    let replies = callers.map(|caller| exchange(topology::reply_exchange(caller.name), "direct"));
    let ladders = subscribers(manifests).flat_map(|subscriber| {
        let name = subscriber.name;
        [topology::retry_exchange(name), topology::redeliver_exchange(name)]
            .map(|name| exchange(name, "topic"))
    });
    shared.chain(replies).chain(ladders).collect()
}

pub(super) fn queues(manifests: &Manifests, vhost: &str) -> Vec<Value> {
    let queue = |name: String, kind: &str| {
        json!({
            "name": name, "vhost": vhost, "durable": true, "auto_delete": false,
            "arguments": { "x-queue-type": kind },
        })
    };
    let requests =
        services(manifests).map(|service| queue(topology::request_queue(service.name), "classic"));
    let events = event_queues(manifests).map(|(_, _, name)| queue(name, "quorum"));
    let ladders = subscribers(manifests).flat_map(|subscriber| {
        let rungs = RUNGS.iter().map(|rung| topology::retry_queue(subscriber.name, *rung));
        rungs.chain([topology::parked_queue(subscriber.name)]).collect::<Vec<_>>()
    });
    requests.chain(events).chain(ladders.map(|name| queue(name, "quorum"))).collect()
}

pub(super) fn bindings(manifests: &Manifests, vhost: &str) -> Vec<Value> {
    let bind = |source: String, queue: String, key: String| {
        json!({
            "source": source, "vhost": vhost, "destination": queue,
            "destination_type": "queue", "routing_key": key, "arguments": {},
        })
    };
    let requests = services(manifests).map(|service| {
        let name = service.name;
        bind(topology::RPC.into(), topology::request_queue(name), topology::request_binding(name))
    });
    let events = event_queues(manifests).flat_map(|(subscriber, key, queue)| {
        let redelivered = topology::redeliver_binding(&queue);
        [
            bind(topology::EVENTS.into(), queue.clone(), key.to_owned()),
            bind(topology::redeliver_exchange(subscriber), queue, redelivered),
        ]
    });
    let ladders = subscribers(manifests).flat_map(|subscriber| {
        let name = subscriber.name;
        let retry = || topology::retry_exchange(name);
        let rung =
            |rung| bind(retry(), topology::retry_queue(name, rung), topology::retry_binding(rung));
        let parked = bind(retry(), topology::parked_queue(name), topology::PARKED_BINDING.into());
        RUNGS.into_iter().map(rung).chain([parked]).collect::<Vec<_>>()
    });
    requests.chain(events).chain(ladders).collect()
}

pub(super) fn policies(manifests: &Manifests, vhost: &str) -> Vec<Value> {
    let policy = |name: &str, pattern: &str, priority: u8, definition: Value| {
        json!({
            "name": name, "vhost": vhost, "pattern": pattern, "apply-to": "queues",
            "priority": priority, "definition": definition,
        })
    };
    let exactly = |name: &str| format!("^{}$", name.replace('.', r"\."));
    let requests = services(manifests).map(|service| {
        let queue = topology::request_queue(service.name);
        let bounds = json!({ "max-length": REQUEST_QUEUE_LENGTH, "overflow": "reject-publish" });
        policy(&format!("{queue}: requests"), &exactly(&queue), 10, bounds)
    });
    let events = event_queues(manifests).map(|(subscriber, _, queue)| {
        let bounds = json!({
            "max-length": EVENT_QUEUE_LENGTH, "overflow": "reject-publish",
            "delivery-limit": DELIVERY_LIMIT, "dead-letter-strategy": "at-least-once",
            "dead-letter-exchange": topology::retry_exchange(subscriber),
            "dead-letter-routing-key": topology::parked_key(&queue),
        });
        policy(&format!("{queue}: events"), &exactly(&queue), 10, bounds)
    });
    let ladders = subscribers(manifests).flat_map(|subscriber| {
        let rungs = RUNGS.iter().map(|rung| {
            let queue = topology::retry_queue(subscriber.name, *rung);
            let rest = json!({
                "message-ttl": rung.ttl_ms, "max-length": EVENT_QUEUE_LENGTH,
                "overflow": "reject-publish", "dead-letter-strategy": "at-least-once",
                "dead-letter-exchange": topology::redeliver_exchange(subscriber.name),
            });
            policy(&format!("{queue}: rest"), &exactly(&queue), 10, rest)
        });
        let parked = topology::parked_queue(subscriber.name);
        let bounds = json!({ "max-length": EVENT_QUEUE_LENGTH, "overflow": "reject-publish" });
        let bounds = policy(&format!("{parked}: bound"), &exactly(&parked), 10, bounds);
        rungs.chain([bounds]).collect::<Vec<_>>()
    });
    let own = policy(
        "requests to one instance",
        r"^[a-z0-9-]+\.[a-z0-9]+$",
        5,
        json!({ "max-length": REQUEST_QUEUE_LENGTH, "overflow": "reject-publish" }),
    );
    let heard = policy(
        "announcements and events for one instance",
        r"^[a-z0-9-]+\.[a-z0-9]+\.(control|events)$",
        5,
        json!({ "max-length": INSTANCE_QUEUE_LENGTH, "overflow": "drop-head" }),
    );
    requests.chain(events).chain(ladders).chain([own, heard]).collect()
}

fn services(manifests: &Manifests) -> impl Iterator<Item = &Manifest> {
    manifests.iter().filter(|member| member.is_service())
}

/// Members that hear durably, and so have a ladder.
fn subscribers(manifests: &Manifests) -> impl Iterator<Item = &Manifest> {
    manifests.iter().filter(|member| !member.hears.is_empty())
}

/// Subscriber, key and queue of every durable subscription.
fn event_queues(manifests: &Manifests) -> impl Iterator<Item = (&'static str, &str, String)> {
    manifests.iter().flat_map(|member| {
        let queue =
            |key: &&'static str| (member.name, *key, topology::event_queue(member.name, key));
        member.hears.keys().map(queue)
    })
}
