//! Who may do what: RabbitMQ permissions and topic permissions, as patterns of names and keys.

use serde_json::{Value, json};

use crate::{
    manifest::{Manifest, Manifests},
    topology,
};

pub(super) fn of(manifests: &Manifests, member: &Manifest, vhost: &str) -> Value {
    let name = member.name;
    let own = format!(r"{name}(\..+)?|reply\.{name}\..+");
    let mut writes = vec![own.clone(), literal(topology::CONTROL)];
    let mut reads = vec![own.clone(), literal(topology::CONTROL)];
    if !member.calls.is_empty() {
        writes.push(literal(topology::RPC));
        reads.push(literal(&topology::reply_exchange(name)));
    }
    if !member.emits.is_empty() {
        writes.push(literal(topology::EVENTS));
    }
    if !(member.hears.is_empty() && member.hears_each.is_empty()) {
        reads.push(literal(topology::EVENTS));
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

pub(super) fn of_topics(manifests: &Manifests, vhost: &str) -> Vec<Value> {
    manifests.iter().flat_map(|member| topics_of(member, vhost)).collect()
}

/// Every shared exchange is named for every member: what is not named would be allowed.
fn topics_of(member: &Manifest, vhost: &str) -> Vec<Value> {
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

    let literals = |keys: &mut dyn Iterator<Item = &&str>| keys.map(|key| literal(key)).collect();
    let emitted: Vec<String> = literals(&mut member.emits.keys());
    let heard_events: Vec<String> =
        literals(&mut member.hears.keys().chain(member.hears_each.keys()));

    let allow = |exchange: &str, write: &[String], read: &[String]| {
        json!({
            "user": name, "vhost": vhost, "exchange": exchange,
            "write": whole(write), "read": whole(read),
        })
    };
    vec![
        allow(topology::RPC, &rpc_writes, &rpc_reads),
        allow(topology::CONTROL, &control_writes, &heard),
        allow(topology::EVENTS, &emitted, &heard_events),
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
