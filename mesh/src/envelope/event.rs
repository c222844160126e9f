//! Events: as they are told, as they arrive, and as they are put aside.

use bytes::Bytes;
use lapin::{
    BasicProperties,
    message::Delivery,
    types::{AMQPValue, FieldTable},
};

use super::{
    CONTENT_TYPE, Correlation, EnvelopeError, Incoming, RequestHead, TRACEPARENT, as_str, common,
    instance_of, text,
};
use crate::{
    deadline::{Deadline, LONGEST, unix_ms},
    durable::outbox::Stored,
    identity::Identity,
    trace::TraceContext,
};

const AGGREGATE: &str = "mesh-aggregate";
const VERSION: &str = "mesh-version";
const ATTEMPT: &str = "mesh-attempt";
const ORIGIN: &str = "mesh-origin";
const FIRST_FAILED: &str = "mesh-first-failed-at";
const REASON: &str = "mesh-reason";
/// Reasons are for a person; a longer one is cut.
const LONGEST_REASON: usize = 500;

/// The properties of an event: durable, and with the id that stays its own.
pub(crate) fn write_event(
    event: &Stored,
    sender: &Identity,
    correlation: Correlation,
) -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert(TRACEPARENT.into(), text(event.traceparent.as_str()));
    headers.insert(AGGREGATE.into(), text(event.aggregate.to_string()));
    headers.insert(VERSION.into(), AMQPValue::LongLongInt(event.version));
    common(&event.key, sender)
        .with_message_id(event.id.to_string().into())
        .with_correlation_id(correlation.to_property())
        .with_delivery_mode(2)
        .with_headers(headers)
}

/// An event as it arrived.
#[derive(Debug)]
pub(crate) struct IncomingEvent {
    pub message: Incoming,
    /// Who told it first, if it comes back from a rung of the ladder.
    pub origin: Option<String>,
    /// How often it has failed.
    pub failed: usize,
    properties: BasicProperties,
}

/// Reads an event. A sender without a validated name is nobody.
pub(crate) fn read_event(delivery: &mut Delivery) -> Result<IncomingEvent, EnvelopeError> {
    use EnvelopeError::{Missing, Unreadable};
    let body = Bytes::from(std::mem::take(&mut delivery.data));
    let properties = delivery.properties.clone();
    let sender = properties.user_id().as_ref().ok_or(Missing("user_id"))?.to_string();
    let version = properties.content_type().as_ref().map(|kind| kind.as_str());
    if version != Some(CONTENT_TYPE) {
        return Err(Unreadable("content_type"));
    }
    let id = properties.message_id().as_ref().ok_or(Missing("message_id"))?;
    let message_id = id.as_str().parse().map_err(|_| Unreadable("message_id"))?;
    let header = |name: &str| properties.headers().as_ref()?.inner().get(name);
    let trace = header(TRACEPARENT).and_then(as_str).and_then(|text| text.parse().ok());
    let failed = match header(ATTEMPT) {
        Some(AMQPValue::LongInt(failed)) => usize::try_from(*failed).unwrap_or(0),
        _ => 0,
    };
    let head = RequestHead {
        message_id,
        deadline: Deadline::within(LONGEST),
        trace: trace.unwrap_or_else(TraceContext::start),
        caller: None,
        key: None,
    };
    let sender_instance = instance_of(&properties);
    let origin = header(ORIGIN).and_then(as_str).map(str::to_owned);
    let message = Incoming { head, sender, sender_instance, body };
    Ok(IncomingEvent { message, origin, failed, properties })
}

/// Why an event is put aside.
#[derive(Debug)]
pub(crate) struct Setback<'a> {
    pub reason: &'a str,
    pub failed: usize,
}

/// The properties of an event that is put aside: its own, with what has happened to it. The
/// sender is this service now; who told it first stands in a header.
pub(crate) fn write_again(
    event: &IncomingEvent,
    setback: &Setback<'_>,
    sender: &Identity,
    correlation: Correlation,
) -> BasicProperties {
    let mut headers = FieldTable::default();
    let before = event.properties.headers().clone().unwrap_or_default();
    for name in [TRACEPARENT, AGGREGATE, VERSION, FIRST_FAILED] {
        if let Some(value) = before.inner().get(name) {
            headers.insert(name.into(), value.clone());
        }
    }
    if !headers.contains_key(FIRST_FAILED) {
        headers.insert(FIRST_FAILED.into(), AMQPValue::Timestamp(unix_ms() / 1000));
    }
    let origin = event.origin.as_deref().unwrap_or(&event.message.sender);
    headers.insert(ORIGIN.into(), text(origin));
    let failed = i32::try_from(setback.failed).unwrap_or(i32::MAX);
    headers.insert(ATTEMPT.into(), AMQPValue::LongInt(failed));
    let reason: String = setback.reason.chars().take(LONGEST_REASON).collect();
    headers.insert(REASON.into(), text(reason));
    let contract = event.properties.kind().as_ref().map_or("", |kind| kind.as_str());
    common(contract, sender)
        .with_message_id(event.message.head.message_id.to_string().into())
        .with_correlation_id(correlation.to_property())
        .with_delivery_mode(2)
        .with_headers(headers)
}
