//! What each member's broker user may not do. Derived from the manifests: every member tries
//! everything that is not its own, and is refused by the broker itself.

use lapin::{
    BasicProperties, Channel, Connection, Error, ErrorKind,
    options::{
        BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeBindOptions,
        QueueBindOptions, QueueDeclareOptions,
    },
    types::FieldTable,
};
use mesh::{
    Manifest, Manifests,
    testing::{PASSWORD, TestMesh},
    topology,
};

use crate::vocabulary::manifests;

/// A connection of one member, on which each attempt has a channel of its own.
struct Intruder {
    connection: Connection,
    name: &'static str,
}

impl Intruder {
    async fn enter(test: &TestMesh, name: &'static str) -> Self {
        Self { connection: test.raw(name, PASSWORD).await, name }
    }

    async fn channel(&self) -> Channel {
        let channel = self.connection.create_channel().await.unwrap();
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        channel
    }

    fn refused<T>(&self, what: &str, result: Result<T, Error>) {
        let name = self.name;
        let Err(error) = result else { panic!("{name} may {what}") };
        let code = match error.kind() {
            ErrorKind::ProtocolError(error) => error.get_id(),
            _ => panic!("{name}, {what}: {error}"),
        };
        // ACCESS_REFUSED, or RESOURCE_LOCKED where the queue is another connection's own.
        assert!(code == 403 || code == 405, "{name}, {what}: {error}");
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

    async fn cannot_publish(&self, exchange: &str, key: &str) {
        let result = self.publish(exchange, key, BasicProperties::default()).await;
        self.refused(&format!("publish to {exchange:?} with key {key:?}"), result);
    }

    async fn cannot_consume(&self, queue: &str) {
        let options = BasicConsumeOptions::default();
        let channel = self.channel().await;
        let consumed = channel.basic_consume(queue.into(), "".into(), options, FieldTable::default());
        self.refused(&format!("consume from {queue}"), consumed.await);
    }

    async fn cannot_declare(&self, queue: &str) {
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        let channel = self.channel().await;
        let declared = channel.queue_declare(queue.into(), options, FieldTable::default()).await;
        self.refused(&format!("declare {queue}"), declared);
    }

    async fn cannot_bind(&self, exchange: &str, key: &str) {
        let channel = self.channel().await;
        let queue = format!("{}.intruder", self.name);
        let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
        let none = FieldTable::default;
        channel.queue_declare(queue.as_str().into(), options, none()).await.unwrap();
        let options = QueueBindOptions::default();
        let bound =
            channel.queue_bind(queue.as_str().into(), exchange.into(), key.into(), options, none());
        self.refused(&format!("bind {exchange} {key:?}"), bound.await);
    }

    async fn cannot_bind_exchanges(&self, from: &str, to: &str) {
        let channel = self.channel().await;
        let options = ExchangeBindOptions::default();
        let bound = channel.exchange_bind(to.into(), from.into(), "#".into(), options, FieldTable::default());
        self.refused(&format!("bind {to} to {from}"), bound.await);
    }
}

fn others<'a>(all: &'a Manifests, member: &'a Manifest) -> impl Iterator<Item = &'a Manifest> {
    all.iter().filter(move |other| other.name != member.name)
}

/// Everything that `member` must not be able to do.
async fn try_everything(test: &TestMesh, all: &Manifests, member: &'static str) {
    let intruder = Intruder::enter(test, member).await;
    let member = all.get(member).unwrap();
    let word = topology::word_of(member.name);

    for other in others(all, member) {
        let (name, instance) = (other.name, "aaaaaaaaaa");
        if other.is_service() {
            intruder.cannot_consume(&topology::request_queue(name)).await;
            intruder.cannot_declare(&topology::request_queue(name)).await;
            intruder.cannot_bind(topology::RPC, &topology::request_binding(name)).await;
            intruder.cannot_bind(topology::RPC, &topology::instance_binding(name, instance)).await;
        }
        intruder.cannot_declare(&topology::instance_queue(name, instance)).await;
        intruder.cannot_declare(&topology::control_queue(name, instance)).await;
        intruder.cannot_declare(&topology::reply_queue(name, "x")).await;
        intruder.cannot_publish(topology::CONTROL, &topology::announce_key(name, instance)).await;
        if !other.calls.is_empty() {
            let exchange = topology::reply_exchange(name);
            intruder.cannot_bind(&exchange, "x").await;
            if !other.called_services().iter().any(|service| service == member.name) {
                intruder.cannot_publish(&exchange, "x").await;
            }
        }
        for route in other.answers.keys().filter(|route| !member.calls.contains_key(*route)) {
            intruder.cannot_publish(topology::RPC, route).await;
            let directed = topology::directed_key(name, instance, topology::method_of(route));
            intruder.cannot_publish(topology::RPC, &directed).await;
        }
    }
    for greedy in ["#", "*.*", "echo.#", "*.say", "relay.*.*"] {
        intruder.cannot_bind(topology::RPC, greedy).await;
    }
    for exchange in [topology::EVENTS, topology::PUSH] {
        intruder.cannot_bind(exchange, "#").await;
        intruder.cannot_publish(exchange, "user.registered").await;
    }
    if !member.watches_all {
        intruder.cannot_bind(topology::CONTROL, "#").await;
        intruder.cannot_bind(topology::CONTROL, "announce.#").await;
        intruder.cannot_publish(topology::CONTROL, topology::ASK_ALL).await;
    }
    intruder.cannot_publish("", "echo-svc").await;
    intruder.cannot_publish("", &topology::request_queue(member.name)).await;
    intruder.cannot_publish("amq.topic", "anything").await;
    intruder.cannot_bind_exchanges(topology::RPC, topology::CONTROL).await;
    intruder.cannot_bind_exchanges(topology::CONTROL, topology::RPC).await;
    intruder.cannot_declare("anything").await;
    intruder.cannot_declare(&format!("{word}x")).await;
}

#[tokio::test]
async fn nobody_can_do_what_the_manifests_do_not_say() {
    let all = manifests();
    let test = TestMesh::start(&all).await;
    let tried = all.iter().map(|member| try_everything(&test, &all, member.name));
    futures::future::join_all(tried).await;
}

#[tokio::test]
async fn nobody_can_sign_with_anothers_name() {
    let test = TestMesh::start(&manifests()).await;
    let stranger = Intruder::enter(&test, "stranger").await;
    let forged = BasicProperties::default().with_user_id("front".into());
    let result = stranger.publish(topology::RPC, "echo.say", forged).await;
    let Err(error) = result else { panic!("a forged user_id was accepted") };
    assert!(error.to_string().contains("user_id"), "{error}");
}

#[tokio::test]
async fn without_the_right_password_nobody_enters() {
    let test = TestMesh::start(&manifests()).await;
    let url = test.amqp_url().replace("://", "://front:guess@");
    let connected = Connection::connect(&url, lapin::ConnectionProperties::default()).await;
    assert!(connected.is_err());
}

#[tokio::test]
async fn a_message_without_a_validated_sender_is_not_handled() {
    use crate::vocabulary::{front, start_echo};
    let test = TestMesh::start(&manifests()).await;
    let echo = start_echo(&test).await;
    let front = front(&test).await;
    let admin = test.raw(test.management().user(), test.management().password()).await;
    let channel = admin.create_channel().await.unwrap();
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    let anonymous = BasicProperties::default()
        .with_content_type("application/vnd.mesh.v1+json".into())
        .with_correlation_id("1".into())
        .with_reply_to("x".into());
    let admin_name: String = test.management().user().to_owned();
    for properties in [anonymous.clone(), anonymous.with_user_id(admin_name.into())] {
        let options = BasicPublishOptions::default();
        let (exchange, key) = (topology::RPC.into(), "echo.say".into());
        channel.basic_publish(exchange, key, options, b"{}", properties).await.unwrap().await.unwrap();
    }
    front.call(crate::vocabulary::hello()).await.unwrap();
    let handled = echo.mesh.requests_handled();
    assert_eq!(handled, 1, "a message of nobody was handled");
    echo.stop().await.unwrap();
    test.finish().await;
}
