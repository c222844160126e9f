//! The broker's definitions file, derived from the manifests: exchanges, queues, bindings,
//! policies, users, and who may do what.
//!
//! Least privilege: a member configures only what bears its own name, writes to what it sends
//! through, reads its own queues, and binds its own keys.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::manifest::Manifests;

mod objects;
mod permissions;

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
        manifests.iter().map(|member| permissions::of(manifests, member, vhost)).collect();
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
        "topic_permissions": permissions::of_topics(manifests, vhost),
        "exchanges": objects::exchanges(manifests, vhost),
        "queues": objects::queues(manifests, vhost),
        "bindings": objects::bindings(manifests, vhost),
        "policies": objects::policies(manifests, vhost),
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
