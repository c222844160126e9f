//! The AsyncAPI document: what the members of the mesh say to one another, made from their
//! manifests and the schemas of their contracts. It describes the broker's side of Warren as
//! [`openapi`](crate::openapi) does that of HTTP.

mod schemas;

use common_messages::services;
use mesh::{
    Contract, Effect, EventContract, Manifest, Manifests, manifest::ManifestError, topology,
};
use serde_json::{Map, Value, json};

use self::schemas::Schemas;

const DESCRIPTION: &str = "What Warren's services say to one another over RabbitMQ. A request \
    goes to the exchange of requests under its route, and is answered to the caller's own queue, \
    by a reply or a refusal; an event goes to the exchange of events under its key. A refusal is \
    {code, kind, detail, data?}; its code and data are listed here.";

/// The document, as it is served and committed.
///
/// # Errors
/// Where the manifests contradict one another; a test keeps this from happening.
pub fn to_json() -> Result<String, ManifestError> {
    let document = Document::of(&services::all()?);
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    Ok(text)
}

/// What is put together, by name.
#[derive(Default)]
struct Document {
    channels: Map<String, Value>,
    operations: Map<String, Value>,
    messages: Map<String, Value>,
    schemas: Schemas,
}

impl Document {
    fn of(manifests: &Manifests) -> Value {
        let mut document = Self::default();
        for member in manifests.iter() {
            for contract in member.answers.values() {
                document.add_request(manifests, member, contract);
            }
            for event in member.emits.values() {
                document.add_event(manifests, member, event);
            }
        }
        json!({
            "asyncapi": "3.0.0",
            "info": {
                "title": "Warren",
                "version": env!("CARGO_PKG_VERSION"),
                "description": DESCRIPTION,
                "license": { "name": "MIT OR Apache-2.0" },
            },
            "defaultContentType": "application/json",
            "channels": document.channels,
            "operations": document.operations,
            "components": {
                "messages": document.messages,
                "schemas": document.schemas.into_value(),
            },
        })
    }

    /// A route: where it is asked, where it is answered, and who asks.
    fn add_request(&mut self, manifests: &Manifests, member: &Manifest, contract: &Contract) {
        let (route, schemas) = (contract.route, contract.schemas());
        let said =
            [("request", schemas.request), ("reply", schemas.reply), ("refusal", schemas.refusal)];
        let [request, reply, refusal] = said.map(|(what, schema)| {
            let name = format!("{route}.{what}");
            self.add_message(&name, schema);
            name
        });
        let answers = format!("{route}.answers");
        self.add_channel(route, Some(route), topology::RPC, &[&request]);
        self.add_channel(
            &answers,
            None,
            &topology::reply_exchange("{caller}"),
            &[&reply, &refusal],
        );
        let callers = manifests.iter().filter(|other| other.calls.contains_key(route));
        let repeatable = contract.effect == Effect::Repeatable;
        let operation = json!({
            "action": "receive",
            "channel": channel_ref(route),
            "messages": [message_ref(route, &request)],
            "reply": {
                "channel": channel_ref(&answers),
                "messages": [message_ref(&answers, &reply), message_ref(&answers, &refusal)],
            },
            "x-service": member.name,
            "x-callers": names(callers),
            "x-effect": if repeatable { "repeatable" } else { "once" },
            "x-timeout-ms": contract.timeout.as_millis(),
        });
        self.operations.insert(route.to_owned(), operation);
    }

    /// An event: where it is told, and who hears it.
    fn add_event(&mut self, manifests: &Manifests, member: &Manifest, event: &EventContract) {
        let key = event.key;
        self.add_message(key, event.schema());
        self.add_channel(key, Some(key), topology::EVENTS, &[key]);
        let once = manifests.iter().filter(|other| other.hears.contains_key(key));
        let each = manifests.iter().filter(|other| other.hears_each.contains_key(key));
        let operation = json!({
            "action": "send",
            "channel": channel_ref(key),
            "messages": [message_ref(key, key)],
            "x-service": member.name,
            "x-subscribers": names(once),
            "x-subscribers-each-instance": names(each),
        });
        self.operations.insert(key.to_owned(), operation);
    }

    fn add_message(&mut self, name: &str, schema: schemars::Schema) {
        let payload = self.schemas.add(name, schema);
        self.messages.insert(name.to_owned(), json!({ "name": name, "payload": payload }));
    }

    fn add_channel(&mut self, id: &str, key: Option<&str>, exchange: &str, messages: &[&str]) {
        let reference = |name: &&str| {
            ((*name).to_owned(), json!({ "$ref": format!("#/components/messages/{name}") }))
        };
        let channel = json!({
            "address": key,
            "messages": messages.iter().map(reference).collect::<Map<_, _>>(),
            "bindings": { "amqp": { "is": "routingKey", "exchange": { "name": exchange } } },
        });
        self.channels.insert(id.to_owned(), channel);
    }
}

fn channel_ref(id: &str) -> Value {
    json!({ "$ref": format!("#/channels/{id}") })
}

fn message_ref(channel: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/channels/{channel}/messages/{name}") })
}

fn names<'a>(members: impl Iterator<Item = &'a Manifest>) -> Vec<&'static str> {
    members.map(|member| member.name).collect()
}
