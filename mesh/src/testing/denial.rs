//! What each member's broker user may not do: every member tries everything that is not its
//! own, and must be refused by the broker itself.

use lapin::{
    BasicProperties, Channel, Connection, Error, ErrorKind,
    options::{
        BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeBindOptions,
        QueueBindOptions, QueueDeclareOptions,
    },
    types::FieldTable,
};

use super::{PASSWORD, TestMesh};
use crate::{Manifest, Manifests, topology};

/// Has every member try all that the manifests do not allow it, and returns a line for each
/// refusal. Panics where something was not refused.
pub async fn refusals(test: &TestMesh, all: &Manifests) -> Vec<String> {
    let tried = all.iter().map(|member| try_everything(test, all, member));
    futures::future::join_all(tried).await.into_iter().flatten().collect()
}

/// A connection of one member, on which each attempt has a channel of its own.
struct Intruder {
    connection: Connection,
    name: &'static str,
    refusals: Vec<String>,
}

impl Intruder {
    async fn enter(test: &TestMesh, name: &'static str) -> Self {
        Self { connection: test.raw(name, PASSWORD).await, name, refusals: Vec::new() }
    }

    async fn channel(&self) -> Channel {
        let channel = self.connection.create_channel().await.expect("the broker answers");
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("the broker answers");
        channel
    }

    fn refused<T>(&mut self, what: &str, result: Result<T, Error>) {
        let name = self.name;
        let Err(error) = result else { panic!("{name} may {what}") };
        let code = match error.kind() {
            ErrorKind::ProtocolError(error) => error.get_id(),
            _ => panic!("{name}, {what}: {error}"),
        };
        // ACCESS_REFUSED, or RESOURCE_LOCKED where the queue is another connection's own.
        assert!(code == 403 || code == 405, "{name}, {what}: {error}");
        self.refusals.push(format!("{name} may not {what}"));
    }

    async fn publish(
        &self,
        exchange: &str,
        key: &str,
        properties: BasicProperties,
    ) -> Result<(), Error> {
        let options = BasicPublishOptions::default();
        let channel = self.channel().await;
        let (exchange, key) = (exchange.into(), key.into());
        channel.basic_publish(exchange, key, options, b"{}", properties).await?.await.map(drop)
    }

    async fn cannot_publish(&mut self, exchange: &str, key: &str) {
        let result = self.publish(exchange, key, BasicProperties::default()).await;
        self.refused(&format!("publish to {exchange:?} with key {key:?}"), result);
    }

    async fn cannot_consume(&mut self, queue: &str) {
        let options = BasicConsumeOptions::default();
        let channel = self.channel().await;
        let consumed =
            channel.basic_consume(queue.into(), "".into(), options, FieldTable::default());
        self.refused(&format!("consume from {queue}"), consumed.await);
    }

    async fn cannot_declare(&mut self, queue: &str) {
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        let channel = self.channel().await;
        let declared = channel.queue_declare(queue.into(), options, FieldTable::default()).await;
        self.refused(&format!("declare {queue}"), declared);
    }

    async fn cannot_bind(&mut self, exchange: &str, key: &str) {
        let channel = self.channel().await;
        let queue = format!("{}.intruder", self.name);
        let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
        let none = FieldTable::default;
        channel
            .queue_declare(queue.as_str().into(), options, none())
            .await
            .expect("the broker answers");
        let options = QueueBindOptions::default();
        let bound =
            channel.queue_bind(queue.as_str().into(), exchange.into(), key.into(), options, none());
        self.refused(&format!("bind {exchange} {key:?}"), bound.await);
    }

    async fn cannot_bind_exchanges(&mut self, from: &str, to: &str) {
        let channel = self.channel().await;
        let options = ExchangeBindOptions::default();
        let bound = channel.exchange_bind(
            to.into(),
            from.into(),
            "#".into(),
            options,
            FieldTable::default(),
        );
        self.refused(&format!("bind {to} to {from}"), bound.await);
    }
}

fn others<'a>(all: &'a Manifests, member: &'a Manifest) -> impl Iterator<Item = &'a Manifest> {
    all.iter().filter(move |other| other.name != member.name)
}

/// Everything that `member` must not be able to do.
async fn try_everything(test: &TestMesh, all: &Manifests, member: &Manifest) -> Vec<String> {
    let mut intruder = Intruder::enter(test, member.name).await;
    for other in others(all, member) {
        intruder.take_the_place_of(other).await;
        intruder.send_what_only_others_may(member, other).await;
    }
    intruder.listen_in(member).await;
    intruder.go_past_the_exchanges(member.name).await;
    intruder.refusals
}

impl Intruder {
    /// Answer for it, read its queues, announce it, read its replies.
    async fn take_the_place_of(&mut self, other: &Manifest) {
        let (name, instance) = (other.name, "aaaaaaaaaa");
        if other.is_service() {
            self.cannot_consume(&topology::request_queue(name)).await;
            self.cannot_declare(&topology::request_queue(name)).await;
            self.cannot_bind(topology::RPC, &topology::request_binding(name)).await;
            self.cannot_bind(topology::RPC, &topology::instance_binding(name, instance)).await;
        }
        self.cannot_declare(&topology::instance_queue(name, instance)).await;
        self.cannot_declare(&topology::control_queue(name, instance)).await;
        self.cannot_declare(&topology::reply_queue(name, "x")).await;
        self.cannot_publish(topology::CONTROL, &topology::announce_key(name, instance)).await;
        if !other.calls.is_empty() {
            self.cannot_bind(&topology::reply_exchange(name), "x").await;
        }
    }

    /// Call what the manifest does not list; reply to one who never called.
    async fn send_what_only_others_may(&mut self, member: &Manifest, other: &Manifest) {
        let calls_us = other.called_services().iter().any(|service| service == member.name);
        if !other.calls.is_empty() && !calls_us {
            self.cannot_publish(&topology::reply_exchange(other.name), "x").await;
        }
        for route in other.answers.keys().filter(|route| !member.calls.contains_key(*route)) {
            self.cannot_publish(topology::RPC, route).await;
            let method = topology::method_of(route);
            let directed = topology::directed_key(other.name, "aaaaaaaaaa", method);
            self.cannot_publish(topology::RPC, &directed).await;
        }
    }

    /// Bind more than one's own keys; publish what nobody's manifest emits.
    async fn listen_in(&mut self, member: &Manifest) {
        let word = topology::word_of(member.name);
        for greedy in ["#", "*.*", "*", &format!("{word}.#"), "*.get", "*.*.*"] {
            self.cannot_bind(topology::RPC, greedy).await;
        }
        for exchange in [topology::EVENTS, topology::PUSH] {
            self.cannot_bind(exchange, "#").await;
            self.cannot_publish(exchange, "anything.happened").await;
        }
        if !member.watches_all {
            self.cannot_bind(topology::CONTROL, "#").await;
            self.cannot_bind(topology::CONTROL, topology::ANNOUNCE_ALL).await;
            self.cannot_publish(topology::CONTROL, topology::ASK_ALL).await;
        }
    }

    /// Reach queues through the default exchange, tie exchanges together, make new things.
    async fn go_past_the_exchanges(&mut self, name: &str) {
        self.cannot_publish("", &topology::request_queue(name)).await;
        self.cannot_publish("", "anything").await;
        self.cannot_publish("amq.topic", "anything").await;
        self.cannot_bind_exchanges(topology::RPC, topology::CONTROL).await;
        self.cannot_bind_exchanges(topology::CONTROL, topology::RPC).await;
        self.cannot_declare("anything").await;
        self.cannot_declare(&format!("{name}x")).await;
    }
}
