//! The queues that a service takes from, as subscriptions.

use std::sync::Arc;

use lapin::message::Delivery;
use tokio_util::sync::CancellationToken;

use super::{hearing::Hearing, intake::Intake};
use crate::{
    link::{QueueName, Subscription},
    mesh::Mesh,
    topology,
};

/// Events that an instance takes from one queue before it has handled them.
const EVENT_PREFETCH: u16 = 16;

/// The shared queue and the instance's own.
pub(super) fn request_subscriptions<S: Send + Sync + 'static>(
    mesh: &Mesh,
    intake: &Arc<Intake<S>>,
    closing: &CancellationToken,
) -> Vec<Subscription> {
    let identity = mesh.identity();
    let (service, instance) = (identity.service, &identity.instance);
    let shared = QueueName::Shared(topology::request_queue(service));
    let own = QueueName::Own(topology::instance_queue(service, instance));
    // The instance's own queue first: a probe must find whoever takes from the shared one.
    let queues = [
        (own, topology::instance_binding(service, instance)),
        (shared, topology::request_binding(service)),
    ];
    let subscription = |(queue, key)| {
        let intake = Arc::clone(intake);
        Subscription {
            queue,
            bindings: vec![(topology::RPC.to_owned(), key)],
            prefetch: Some(mesh.member().config.prefetch),
            deliver: Arc::new(move |delivery: Delivery| intake.take(delivery)),
            closing: closing.clone(),
        }
    };
    queues.into_iter().map(subscription).collect()
}

/// One durable queue for each event that the service hears.
pub(super) fn event_subscriptions<S: Send + Sync + 'static>(
    mesh: &Mesh,
    hearing: &Arc<Hearing<S>>,
    closing: &CancellationToken,
) -> Vec<Subscription> {
    let service = mesh.identity().service;
    let subscription = |key: &&'static str| {
        let (hearing, key) = (Arc::clone(hearing), *key);
        let queue = topology::event_queue(service, key);
        let redelivered =
            (topology::redeliver_exchange(service), topology::redeliver_binding(&queue));
        Subscription {
            queue: QueueName::Durable(queue),
            bindings: vec![(topology::EVENTS.to_owned(), key.to_owned()), redelivered],
            prefetch: Some(EVENT_PREFETCH),
            deliver: Arc::new(move |delivery: Delivery| hearing.take(key, delivery)),
            closing: closing.clone(),
        }
    };
    mesh.manifest().hears.keys().map(subscription).collect()
}

/// The instance's own queue of events, best effort.
pub(super) fn each_subscription<S: Send + Sync + 'static>(
    mesh: &Mesh,
    hearing: &Arc<Hearing<S>>,
    closing: &CancellationToken,
) -> Subscription {
    let identity = mesh.identity();
    let hearing = Arc::clone(hearing);
    let bind = |key: &&'static str| (topology::EVENTS.to_owned(), (*key).to_owned());
    Subscription {
        queue: QueueName::Own(topology::instance_events_queue(
            identity.service,
            &identity.instance,
        )),
        bindings: mesh.manifest().hears_each.keys().map(bind).collect(),
        prefetch: None,
        deliver: Arc::new(move |delivery: Delivery| hearing.take_each(delivery)),
        closing: closing.clone(),
    }
}
