//! What stands on a message besides its body: AMQP properties and headers, written and read.
//!
//! The body is JSON, so that an operator can read a message in the management UI.

mod event;

use bytes::Bytes;
use lapin::{
    BasicProperties,
    message::Delivery,
    types::{AMQPValue, FieldTable, LongString, ShortString},
};
use uuid::Uuid;

pub(crate) use self::event::{IncomingEvent, Setback, read_event, write_again, write_event};
use crate::{
    caller::Caller,
    deadline::{Deadline, unix_ms},
    failure::{Failure, FailureKind},
    identity::Identity,
    refusal::Rejection,
    trace::TraceContext,
};

/// The content type of every message; its number is the version of this envelope.
pub(super) const CONTENT_TYPE: &str = "application/vnd.mesh.v1+json";

pub(super) const TRACEPARENT: &str = "traceparent";
const DEADLINE: &str = "mesh-deadline";
const CALLER: &str = "mesh-caller";
const KEY: &str = "mesh-key";
const OUTCOME: &str = "mesh-outcome";
const REPLAYED: &str = "mesh-replayed";

/// Which try of which call a reply belongs to. Fresh for every try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Correlation(pub(crate) u64);

impl Correlation {
    pub(super) fn to_property(self) -> ShortString {
        format!("{:x}", self.0).into()
    }

    pub(crate) fn of(properties: &BasicProperties) -> Option<Self> {
        let text = properties.correlation_id().as_ref()?;
        u64::from_str_radix(text.as_str(), 16).ok().map(Self)
    }
}

/// A request's head: everything but its route and its body.
#[derive(Debug, Clone)]
pub(crate) struct RequestHead {
    /// Stays the same when the request is tried again.
    pub message_id: Uuid,
    pub deadline: Deadline,
    pub trace: TraceContext,
    pub caller: Option<Caller>,
    /// The caller's own name for the request, by which a repeat is known.
    pub key: Option<String>,
}

/// The properties of a request of `contract` by `sender`.
pub(crate) fn write_request(
    head: &RequestHead,
    contract: &str,
    sender: &Identity,
    correlation: Correlation,
    reply_to: &ShortString,
) -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert(TRACEPARENT.into(), text(head.trace.to_string()));
    let deadline = i64::try_from(head.deadline.to_unix_ms()).unwrap_or(i64::MAX);
    headers.insert(DEADLINE.into(), AMQPValue::LongLongInt(deadline));
    if let Some(caller) = head.caller.as_ref().and_then(|who| serde_json::to_string(who).ok()) {
        headers.insert(CALLER.into(), text(caller));
    }
    if let Some(key) = &head.key {
        headers.insert(KEY.into(), text(key.as_str()));
    }
    let left_ms = head.deadline.left().as_millis().max(1);
    common(contract, sender)
        .with_message_id(head.message_id.to_string().into())
        .with_correlation_id(correlation.to_property())
        .with_reply_to(reply_to.clone())
        .with_expiration(left_ms.to_string().into())
        .with_headers(headers)
}

/// The properties that every message of `sender` bears.
pub(crate) fn common(contract: &str, sender: &Identity) -> BasicProperties {
    BasicProperties::default()
        .with_content_type(CONTENT_TYPE.into())
        .with_type(contract.into())
        .with_app_id(sender.instance.as_str().into())
        .with_user_id(sender.service.into())
        .with_timestamp(unix_ms() / 1000)
}

/// A message as it arrived, before its route and sender have been checked.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub head: RequestHead,
    /// The broker user that sent it; the broker has checked this.
    pub sender: String,
    /// The sender's instance, by its own account.
    pub sender_instance: String,
    pub body: Bytes,
}

/// A request as it arrived.
#[derive(Debug)]
pub(crate) struct IncomingRequest {
    pub message: Incoming,
    pub reply: ReplyAddress,
}

pub(super) fn instance_of(properties: &BasicProperties) -> String {
    properties.app_id().as_ref().map(ToString::to_string).unwrap_or_default()
}

/// Where the reply to a request goes.
#[derive(Debug, Clone)]
pub(crate) struct ReplyAddress {
    /// Whose reply exchange.
    pub caller: String,
    pub queue: ShortString,
    pub correlation: ShortString,
}

/// Why a message cannot be read as a request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EnvelopeError {
    #[error("it bears no {0}")]
    Missing(&'static str),
    #[error("its {0} cannot be read")]
    Unreadable(&'static str),
    /// Readable enough to be answered.
    #[error("its content type is {found:?}; this service speaks {CONTENT_TYPE}")]
    OtherVersion { found: String, reply: ReplyAddress },
}

/// Reads a request. A sender without a validated name is nobody.
pub(crate) fn read_request(delivery: &mut Delivery) -> Result<IncomingRequest, EnvelopeError> {
    use EnvelopeError::{Missing, OtherVersion, Unreadable};
    let body = Bytes::from(std::mem::take(&mut delivery.data));
    let properties = &delivery.properties;
    let sender = properties.user_id().as_ref().ok_or(Missing("user_id"))?.to_string();
    let reply = ReplyAddress {
        caller: sender.clone(),
        queue: properties.reply_to().clone().ok_or(Missing("reply_to"))?,
        correlation: properties.correlation_id().clone().ok_or(Missing("correlation_id"))?,
    };
    let version = properties.content_type().as_ref().map_or("", ShortString::as_str);
    if version != CONTENT_TYPE {
        return Err(OtherVersion { found: version.to_owned(), reply });
    }
    let message_id = properties.message_id().as_ref().ok_or(Missing("message_id"))?;
    let message_id = message_id.as_str().parse().map_err(|_| Unreadable("message_id"))?;
    let headers = properties.headers().as_ref().ok_or(Missing(DEADLINE))?.inner();
    let deadline = match headers.get(DEADLINE) {
        Some(AMQPValue::LongLongInt(ms)) => u64::try_from(*ms).unwrap_or(0),
        Some(_) => return Err(Unreadable(DEADLINE)),
        None => return Err(Missing(DEADLINE)),
    };
    let trace = headers.get(TRACEPARENT).and_then(as_str).and_then(|t| t.parse().ok());
    let caller = match headers.get(CALLER) {
        None => None,
        Some(value) => {
            let json = as_str(value).ok_or(Unreadable(CALLER))?;
            Some(serde_json::from_str(json).map_err(|_| Unreadable(CALLER))?)
        }
    };
    let head = RequestHead {
        message_id,
        deadline: Deadline::from_unix_ms(deadline),
        trace: trace.unwrap_or_else(TraceContext::start),
        caller,
        key: headers.get(KEY).and_then(as_str).map(str::to_owned),
    };
    let sender_instance = instance_of(properties);
    Ok(IncomingRequest { message: Incoming { head, sender, sender_instance, body }, reply })
}

/// What a reply says.
#[derive(Debug)]
pub(crate) enum ReplyContent {
    /// The answer's JSON, and whether it had been given before.
    Done {
        body: Bytes,
        replayed: bool,
    },
    Rejected(Rejection),
    Failed(Failure),
}

impl ReplyContent {
    /// An answer given for the first time.
    pub fn done(body: impl Into<Bytes>) -> Self {
        Self::Done { body: body.into(), replayed: false }
    }
}

/// The word in `mesh-outcome`, for those who look at messages.
fn outcome_word(content: &ReplyContent) -> &'static str {
    match content {
        ReplyContent::Done { .. } => "ok",
        ReplyContent::Rejected(_) => "refused",
        ReplyContent::Failed(failure) => match failure.kind {
            FailureKind::Busy => "busy",
            FailureKind::Broken => "broken",
            FailureKind::TimedOut | FailureKind::LinkLost => "late",
            FailureKind::NoResponder
            | FailureKind::CircuitOpen
            | FailureKind::Unavailable
            | FailureKind::NotDeclared => "unavailable",
        },
    }
}

/// A reply's properties and body.
pub(crate) fn write_reply(
    content: ReplyContent,
    contract: &str,
    sender: &Identity,
    to: &ReplyAddress,
) -> (BasicProperties, Bytes) {
    let mut headers = FieldTable::default();
    headers.insert(OUTCOME.into(), text(outcome_word(&content)));
    if matches!(content, ReplyContent::Done { replayed: true, .. }) {
        headers.insert(REPLAYED.into(), AMQPValue::Boolean(true));
    }
    let properties =
        common(contract, sender).with_correlation_id(to.correlation.clone()).with_headers(headers);
    let body = match content {
        ReplyContent::Done { body, .. } => body,
        // Both are plain data that always can be written.
        ReplyContent::Rejected(no) => serde_json::to_vec(&no).unwrap_or_default().into(),
        ReplyContent::Failed(failure) => serde_json::to_vec(&failure).unwrap_or_default().into(),
    };
    (properties, body)
}

/// A reply as it arrived.
#[derive(Debug)]
pub(crate) struct IncomingReply {
    /// The broker user that sent it; the broker has checked this.
    pub sender: String,
    pub content: ReplyContent,
}

/// Reads a reply; `None` if it is not one.
pub(crate) fn read_reply(delivery: Delivery) -> Option<(Correlation, IncomingReply)> {
    let correlation = Correlation::of(&delivery.properties)?;
    let sender = delivery.properties.user_id().as_ref()?.to_string();
    let headers = delivery.properties.headers().as_ref()?.inner();
    let content = match headers.get(OUTCOME).and_then(as_str)? {
        "ok" => ReplyContent::Done {
            body: delivery.data.into(),
            replayed: headers.contains_key(REPLAYED),
        },
        "refused" => ReplyContent::Rejected(serde_json::from_slice(&delivery.data).ok()?),
        _ => ReplyContent::Failed(serde_json::from_slice(&delivery.data).ok()?),
    };
    Some((correlation, IncomingReply { sender, content }))
}

pub(super) fn text(value: impl Into<Vec<u8>>) -> AMQPValue {
    AMQPValue::LongString(LongString::from(value))
}

pub(super) fn as_str(value: &AMQPValue) -> Option<&str> {
    match value {
        AMQPValue::LongString(text) => std::str::from_utf8(text.as_bytes()).ok(),
        _ => None,
    }
}
