//! The broker's definitions file, derived from the manifests: exchanges, queues, bindings,
//! policies, users, and who may do what.
//!
//! Least privilege: a member configures only what bears its own name, writes to what it sends
//! through, reads its own queues, and binds its own keys.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    manifest::{Manifest, Manifests},
    topology,
};

/// Messages that a request queue holds; the next one is refused.
const REQUEST_QUEUE_LENGTH: u32 = 10_000;
/// Announcements that wait for an instance; older ones make room.
const CONTROL_QUEUE_LENGTH: u32 = 1_000;

/// A broker user besides the members.
#[derive(Debug, Clone)]
pub struct Operator<'a> {
    /// The log-in name.
    pub name: &'a str,
    /// Its password.
    pub password: &'a str,
}

/// The definitions of one vhost, ready for RabbitMQ to import.
///
/// `password` gives the password of each member. `operator` is a person who looks at the
/// management UI: tag `monitoring`, and nothing to read but parked and retried messages.
pub fn definitions(
    manifests: &Manifests,
    vhost: &str,
    password: impl Fn(&str) -> String,
    operator: Option<Operator<'_>>,
) -> Value {
    let mut users: Vec<Value> =
        manifests.iter().map(|member| user(member.name, &password(member.name), &[])).collect();
    let mut permissions: Vec<Value> =
        manifests.iter().map(|member| permission(manifests, member, vhost)).collect();
    if let Some(Operator { name, password }) = operator {
        users.push(user(name, password, &["monitoring"]));
        permissions.push(json!({
            "user": name, "vhost": vhost, "configure": "^$", "write": "^$",
            "read": r"^.*\.(parked|retry\..*)$",
        }));
    }
    json!({
        "vhosts": [{ "name": vhost }],
        "users": users,
        "permissions": permissions,
        "topic_permissions": topic_permissions(manifests, vhost),
        "exchanges": exchanges(manifests, vhost),
        "queues": queues(manifests, vhost),
        "bindings": bindings(manifests, vhost),
        "policies": policies(manifests, vhost),
    })
}

/// As RabbitMQ stores passwords: base64 of a salt and the SHA-256 of salt and password.
/// Source: <https://www.rabbitmq.com/docs/passwords#computing-password-hash>.
fn user(name: &str, password: &str, tags: &[&str]) -> Value {
    let salt: [u8; 4] = rand::random();
    let digest = Sha256::new().chain_update(salt).chain_update(password).finalize();
    let hash = STANDARD.encode([salt.as_slice(), digest.as_slice()].concat());
    json!({
        "name": name,
        "password_hash": hash,
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": tags,
    })
}

fn exchanges(manifests: &Manifests, vhost: &str) -> Vec<Value> {
    let exchange = |name: String, kind: &str| {
        json!({
            "name": name, "vhost": vhost, "type": kind,
            "durable": true, "auto_delete": false, "internal": false, "arguments": {},
        })
    };
    let shared = topology::SHARED_EXCHANGES.iter().map(|name| exchange((*name).into(), "topic"));
    let callers = manifests.iter().filter(|member| !member.calls.is_empty());
    let replies = callers.map(|caller| exchange(topology::reply_exchange(caller.name), "direct"));
    shared.chain(replies).collect()
}

fn queues(manifests: &Manifests, vhost: &str) -> Vec<Value> {
    services(manifests)
        .map(|service| {
            json!({
                "name": topology::request_queue(service.name), "vhost": vhost,
                "durable": true, "auto_delete": false,
                "arguments": { "x-queue-type": "classic" },
            })
        })
        .collect()
}

fn bindings(manifests: &Manifests, vhost: &str) -> Vec<Value> {
    services(manifests)
        .map(|service| {
            json!({
                "source": topology::RPC, "vhost": vhost,
                "destination": topology::request_queue(service.name),
                "destination_type": "queue",
                "routing_key": topology::request_binding(service.name), "arguments": {},
            })
        })
        .collect()
}

fn policies(manifests: &Manifests, vhost: &str) -> Vec<Value> {
    let requests = services(manifests).map(|service| {
        json!({
            "name": format!("{} requests", service.name), "vhost": vhost,
            "pattern": format!("^{}$", topology::request_queue(service.name)),
            "apply-to": "queues", "priority": 10,
            "definition": { "max-length": REQUEST_QUEUE_LENGTH, "overflow": "reject-publish" },
        })
    });
    let own = json!({
        "name": "requests to one instance", "vhost": vhost,
        "pattern": r"^[a-z0-9-]+\.[a-z0-9]+$", "apply-to": "queues", "priority": 5,
        "definition": { "max-length": REQUEST_QUEUE_LENGTH, "overflow": "reject-publish" },
    });
    let control = json!({
        "name": "announcements", "vhost": vhost,
        "pattern": r"^[a-z0-9-]+\.[a-z0-9]+\.control$", "apply-to": "queues", "priority": 10,
        "definition": { "max-length": CONTROL_QUEUE_LENGTH, "overflow": "drop-head" },
    });
    requests.chain([own, control]).collect()
}

fn permission(manifests: &Manifests, member: &Manifest, vhost: &str) -> Value {
    let name = member.name;
    let own = format!(r"{name}(\..+)?|reply\.{name}\..+");
    let mut writes = vec![own.clone(), literal(topology::CONTROL)];
    let mut reads = vec![own.clone(), literal(topology::CONTROL)];
    if !member.calls.is_empty() {
        writes.push(literal(topology::RPC));
        reads.push(literal(&topology::reply_exchange(name)));
    }
    if member.is_service() {
        reads.push(literal(topology::RPC));
        let callers = manifests.callers_of(name);
        writes.extend(callers.iter().map(|caller| literal(&topology::reply_exchange(caller))));
    }
    json!({
        "user": name, "vhost": vhost,
        "configure": whole(&[own]), "write": whole(&writes), "read": whole(&reads),
    })
}

fn topic_permissions(manifests: &Manifests, vhost: &str) -> Vec<Value> {
    manifests.iter().flat_map(|member| topic_permissions_of(member, vhost)).collect()
}

/// Every shared exchange is named for every member: what is not named would be allowed.
fn topic_permissions_of(member: &Manifest, vhost: &str) -> Vec<Value> {
    let name = member.name;
    let called = member.called_services();
    let rpc_writes: Vec<String> = member
        .calls
        .keys()
        .map(|route| literal(route))
        .chain(called.iter().map(|service| directed_pattern(member, service)))
        .collect();
    let rpc_reads = if member.is_service() {
        let word = literal(topology::word_of(name));
        vec![format!(r"{word}(@[a-z0-9]+)?\.(\*|[a-z0-9_]+)")]
    } else {
        Vec::new()
    };
    let mut asked: Vec<String> = called.iter().map(|s| literal(&topology::ask_key(s))).collect();
    let mut heard = vec![literal(topology::ASK_ALL), literal(&topology::ask_key(name))];
    if member.watches_all {
        asked = vec![literal(topology::ASK_ALL)];
        heard.push(literal(topology::ANNOUNCE_ALL));
    } else {
        heard.extend(called.iter().map(|s| literal(&topology::announce_binding(s))));
    }
    let mut control_writes = vec![format!(r"{}\.[a-z0-9]+", literal(&format!("announce.{name}")))];
    control_writes.extend(asked);

    let allow = |exchange: &str, write: &[String], read: &[String]| {
        json!({
            "user": name, "vhost": vhost, "exchange": exchange,
            "write": whole(write), "read": whole(read),
        })
    };
    vec![
        allow(topology::RPC, &rpc_writes, &rpc_reads),
        allow(topology::CONTROL, &control_writes, &heard),
        allow(topology::EVENTS, &[], &[]),
        allow(topology::PUSH, &[], &[]),
    ]
}

/// The directed keys by which `member` reaches one instance of `service`: what it calls, and
/// the sign of life.
fn directed_pattern(member: &Manifest, service: &str) -> String {
    let of_service = |route: &&&str| topology::service_of(route) == service;
    let called = member.calls.keys().filter(of_service).map(|route| topology::method_of(route));
    let methods: Vec<String> = called.chain([topology::PING]).map(literal).collect();
    format!(r"{}@[a-z0-9]+\.({})", literal(topology::word_of(service)), methods.join("|"))
}

fn services(manifests: &Manifests) -> impl Iterator<Item = &Manifest> {
    manifests.iter().filter(|member| member.is_service())
}

/// Names consist of letters, digits, `-`, `_`, `@` and `#`, which stand for themselves in a
/// pattern, and of these two.
fn literal(text: &str) -> String {
    text.replace('.', r"\.").replace('*', r"\*")
}

/// A pattern that matches one of `alternatives` and nothing more; nothing where there are none.
fn whole(alternatives: &[String]) -> String {
    if alternatives.is_empty() {
        return "^$".to_owned();
    }
    format!("^({})$", alternatives.join("|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_of_nothing_matches_no_name() {
        assert_eq!(whole(&[]), "^$");
        assert_eq!(whole(&["a".into(), literal("b.c")]), r"^(a|b\.c)$");
    }
}
