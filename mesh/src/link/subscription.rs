//! A queue that this process consumes from, declared anew in every session.

use std::sync::Arc;

use futures::StreamExt;
use lapin::{
    Channel, Connection, Consumer,
    message::Delivery,
    options::{
        BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions,
        QueueBindOptions, QueueDeclareOptions,
    },
    types::{AMQPValue, FieldTable, ShortString},
};
use tokio_util::sync::CancellationToken;

use super::session::Fault;
use crate::{identity::draw_name, topology};

/// How a queue gets its name.
#[derive(Debug, Clone)]
pub(crate) enum QueueName {
    /// Durable, shared by all instances of a service.
    Shared(String),
    /// Durable and replicated, shared by all instances: events.
    Durable(String),
    /// Of this instance alone; gone with its connection.
    Own(String),
    /// Of this session alone: this caller's reply queue.
    Replies { caller: &'static str },
}

impl QueueName {
    /// Of all instances, and there without any.
    fn is_shared(&self) -> bool {
        matches!(self, Self::Shared(_) | Self::Durable(_))
    }
}

/// What is consumed, and who gets it.
#[derive(Clone)]
pub(crate) struct Subscription {
    pub queue: QueueName,
    /// Exchange and key of each binding; an empty key stands for the queue's own name.
    pub bindings: Vec<(String, String)>,
    /// Unacknowledged messages at once; `None` means that nothing is acknowledged.
    pub prefetch: Option<u16>,
    /// Called in the order of arrival; must not block.
    pub deliver: Arc<dyn Fn(Delivery) + Send + Sync>,
    /// Cancelled when no more is wanted: what was fetched and not begun goes back.
    pub closing: CancellationToken,
}

impl Subscription {
    /// Declares and binds the queue and starts consuming; returns the queue's name.
    pub(super) async fn open(
        self,
        connection: &Connection,
        consumer_tag: &str,
        fault: Fault,
    ) -> lapin::Result<ShortString> {
        let channel = connection.create_channel().await?;
        let queue = self.declare(&channel).await?;
        for (exchange, key) in &self.bindings {
            let key = if key.is_empty() { queue.clone() } else { key.as_str().into() };
            let exchange = exchange.as_str().into();
            let options = QueueBindOptions::default();
            channel
                .queue_bind(queue.clone(), exchange, key, options, FieldTable::default())
                .await?;
        }
        if let Some(prefetch) = self.prefetch {
            channel.basic_qos(prefetch, BasicQosOptions::default()).await?;
        }
        let options = BasicConsumeOptions {
            no_ack: self.prefetch.is_none(),
            exclusive: !self.queue.is_shared(),
            ..BasicConsumeOptions::default()
        };
        let tag = consumer_tag.into();
        let none = FieldTable::default();
        let consumer = channel.basic_consume(queue.clone(), tag, options, none).await?;
        tokio::spawn(async move {
            tokio::select! {
                () = fault.raised() => {}
                () = self.consume(channel, consumer, &fault) => {}
            }
        });
        Ok(queue)
    }

    async fn declare(&self, channel: &Channel) -> lapin::Result<ShortString> {
        let kind = if matches!(self.queue, QueueName::Durable(_)) { "quorum" } else { "classic" };
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString(kind.into()));
        let name: ShortString = match &self.queue {
            QueueName::Shared(name) | QueueName::Durable(name) | QueueName::Own(name) => {
                name.as_str().into()
            }
            QueueName::Replies { caller } => topology::reply_queue(caller, &draw_name()).into(),
        };
        let shared = self.queue.is_shared();
        let options = QueueDeclareOptions {
            durable: shared,
            exclusive: !shared,
            ..QueueDeclareOptions::default()
        };
        channel.queue_declare(name.clone(), options, arguments).await?;
        Ok(name)
    }

    async fn consume(self, channel: Channel, mut consumer: Consumer, fault: &Fault) {
        loop {
            tokio::select! {
                () = self.closing.cancelled() => break,
                next = consumer.next() => match next {
                    Some(Ok(delivery)) => (self.deliver)(delivery),
                    Some(Err(error)) => return fault.raise(format!("consume: {error}")),
                    None => return fault.raise("the broker cancelled a consumer".to_owned()),
                },
            }
        }
        let cancelled = channel.basic_cancel(consumer.tag(), BasicCancelOptions::default()).await;
        if let Err(error) = cancelled {
            return fault.raise(format!("cancel: {error}"));
        }
        while let Some(Ok(delivery)) = consumer.next().await {
            give_back(&delivery).await;
        }
    }
}

/// Puts a message back into its queue for another instance: it was fetched and not begun.
async fn give_back(delivery: &Delivery) {
    let options = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
    // If this fails the connection is gone, and the broker gives it to another all the same.
    let _ = delivery.acker.nack(options).await;
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription").field("queue", &self.queue).finish_non_exhaustive()
    }
}
