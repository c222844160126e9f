//! Who says what to whom. Permissions, topology, documents and tests derive from this.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    contract::{Contract, Event, EventContract, Request},
    topology,
};

/// What one member of the mesh answers and calls.
///
/// ```
/// # use mesh::*;
/// # #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)] struct Greet;
/// # impl Request for Greet { const ROUTE: &'static str = "greeter.greet";
/// #   const EFFECT: Effect = Effect::Repeatable; type Reply = String; type Error = Never; }
/// fn greeter_svc() -> Manifest {
///     Manifest::new("greeter-svc").answers::<Greet>()
/// }
/// fn front() -> Manifest {
///     Manifest::new("front").calls::<Greet>()
/// }
/// let all = Manifests::new([greeter_svc(), front()]).unwrap();
/// assert_eq!(all.callers_of("greeter-svc"), ["front"]);
/// ```
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The member's name, its broker user and its queue: `user-svc`, `gateway`.
    pub name: &'static str,
    /// What it answers, by route.
    pub answers: BTreeMap<&'static str, Contract>,
    /// What it calls, by route.
    pub calls: BTreeMap<&'static str, CallRight>,
    /// What it tells, by key.
    pub emits: BTreeMap<&'static str, EventContract>,
    /// What it hears, once per service and durably, by key.
    pub hears: BTreeMap<&'static str, EventContract>,
    /// What each of its instances hears while it is connected, by key.
    pub hears_each: BTreeMap<&'static str, EventContract>,
    /// Whether it hears everybody's announcements, not only those of whom it calls.
    pub watches_all: bool,
}

/// A call that a manifest lists.
#[derive(Debug, Clone, Copy)]
pub struct CallRight {
    /// What is called.
    pub contract: Contract,
    /// Whether the call may say on whose behalf it is made.
    pub for_caller: bool,
}

impl Manifest {
    /// A member that neither answers nor calls yet.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            answers: BTreeMap::new(),
            calls: BTreeMap::new(),
            emits: BTreeMap::new(),
            hears: BTreeMap::new(),
            hears_each: BTreeMap::new(),
            watches_all: false,
        }
    }

    /// It answers `R`.
    #[must_use]
    pub fn answers<R: Request>(mut self) -> Self {
        self.answers.insert(R::ROUTE, Contract::of::<R>());
        self
    }

    /// It calls `R`, for itself.
    #[must_use]
    pub fn calls<R: Request>(self) -> Self {
        self.may_call::<R>(false)
    }

    /// It calls `R`, and is believed when it says on whose behalf.
    #[must_use]
    pub fn calls_for_caller<R: Request>(self) -> Self {
        self.may_call::<R>(true)
    }

    /// It tells of `E`.
    #[must_use]
    pub fn emits<E: Event>(mut self) -> Self {
        self.emits.insert(E::KEY, EventContract::of::<E>());
        self
    }

    /// It hears `E`: durably, also what happened while it was away, and one of its instances.
    #[must_use]
    pub fn hears<E: Event>(mut self) -> Self {
        self.hears.insert(E::KEY, EventContract::of::<E>());
        self
    }

    /// Each of its instances hears `E` while it is connected; what happened while it was away is
    /// lost, so the owner of a cache reads anew at every connect.
    #[must_use]
    pub fn hears_each<E: Event>(mut self) -> Self {
        self.hears_each.insert(E::KEY, EventContract::of::<E>());
        self
    }

    /// It hears all members announce themselves.
    #[must_use]
    pub fn watches_all(mut self) -> Self {
        self.watches_all = true;
        self
    }

    fn may_call<R: Request>(mut self, for_caller: bool) -> Self {
        let right = CallRight { contract: Contract::of::<R>(), for_caller };
        self.calls.insert(R::ROUTE, right);
        self
    }

    /// The services it calls, each once, in order.
    pub fn called_services(&self) -> Vec<String> {
        let mut services: Vec<String> =
            self.calls.keys().map(|route| topology::service_of(route)).collect();
        services.dedup();
        services
    }

    /// Whether it answers anything, and so has a request queue.
    pub fn is_service(&self) -> bool {
        !self.answers.is_empty()
    }
}

/// All manifests of a system: the whole of who says what to whom.
#[derive(Debug, Clone)]
pub struct Manifests(Arc<BTreeMap<&'static str, Manifest>>);

/// Manifests that contradict one another, or the naming rules.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ManifestError {
    /// Two members with one name.
    #[error("two manifests are named {0}")]
    TwiceNamed(&'static str),
    /// A route or an event that another member's name begins.
    #[error("{route} is not for {member} to say: its first word names {owner}")]
    ForeignRoute {
        /// Who would say it.
        member: &'static str,
        /// What.
        route: &'static str,
        /// Whose route it is by its name.
        owner: String,
    },
    /// A call that nobody answers.
    #[error("{member} calls {route}, which no manifest answers")]
    Unanswered {
        /// Who calls.
        member: &'static str,
        /// What.
        route: &'static str,
    },
    /// An event that nobody tells.
    #[error("{member} hears {key}, which no manifest emits")]
    Untold {
        /// Who listens.
        member: &'static str,
        /// For what.
        key: &'static str,
    },
    /// A name that cannot be a queue, a user and a word of a routing key at once.
    #[error("{0:?} is no name: lower-case letters, digits and hyphens (routes: word.word_word)")]
    BadName(String),
    /// The program asked to join under a name that no manifest bears.
    #[error("there is no manifest for {0:?}")]
    Unknown(String),
}

impl Manifests {
    /// Puts the members together.
    ///
    /// # Errors
    /// Where they contradict one another: see [`ManifestError`].
    pub fn new(members: impl IntoIterator<Item = Manifest>) -> Result<Self, ManifestError> {
        let mut all = BTreeMap::new();
        for member in members {
            check_names(&member)?;
            if let Some(twin) = all.insert(member.name, member) {
                return Err(ManifestError::TwiceNamed(twin.name));
            }
        }
        let manifests = Self(Arc::new(all));
        manifests.check_calls()?;
        manifests.check_events()?;
        Ok(manifests)
    }

    fn check_calls(&self) -> Result<(), ManifestError> {
        for member in self.iter() {
            for route in member.calls.keys() {
                let owner = self.0.get(topology::service_of(route).as_str());
                if !owner.is_some_and(|owner| owner.answers.contains_key(route)) {
                    return Err(ManifestError::Unanswered { member: member.name, route });
                }
            }
        }
        Ok(())
    }

    fn check_events(&self) -> Result<(), ManifestError> {
        for member in self.iter() {
            for key in member.hears.keys().chain(member.hears_each.keys()) {
                if self.emitter_of(key).is_none() {
                    return Err(ManifestError::Untold { member: member.name, key });
                }
            }
        }
        Ok(())
    }

    /// The manifest of `name`.
    ///
    /// # Errors
    /// [`ManifestError::Unknown`] if there is none.
    pub fn get(&self, name: &str) -> Result<&Manifest, ManifestError> {
        self.0.get(name).ok_or_else(|| ManifestError::Unknown(name.to_owned()))
    }

    /// All members, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Manifest> {
        self.0.values()
    }

    /// The members that call anything of `service`, by name.
    pub fn callers_of(&self, service: &str) -> Vec<&'static str> {
        let calls = |member: &&Manifest| member.called_services().iter().any(|s| s == service);
        self.iter().filter(calls).map(|member| member.name).collect()
    }

    /// The member that tells of `key`.
    pub fn emitter_of(&self, key: &str) -> Option<&'static str> {
        self.iter().find(|member| member.emits.contains_key(key)).map(|member| member.name)
    }

    /// The right by which `sender` calls `route`, if it has one.
    pub fn right(&self, sender: &str, route: &str) -> Option<&CallRight> {
        self.0.get(sender)?.calls.get(route)
    }
}

fn check_names(member: &Manifest) -> Result<(), ManifestError> {
    if !is_name(member.name) {
        return Err(ManifestError::BadName(member.name.to_owned()));
    }
    let events = member.emits.keys().chain(member.hears.keys()).chain(member.hears_each.keys());
    for route in member.answers.keys().chain(member.calls.keys()).chain(events) {
        if !is_route(route) {
            return Err(ManifestError::BadName((*route).to_owned()));
        }
    }
    for route in member.answers.keys() {
        let owner = topology::service_of(route);
        if owner != member.name {
            return Err(ManifestError::ForeignRoute { member: member.name, route, owner });
        }
    }
    for key in member.emits.keys() {
        let word = topology::first_word(key);
        if word != topology::word_of(member.name) {
            let owner = word.to_owned();
            return Err(ManifestError::ForeignRoute { member: member.name, route: key, owner });
        }
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !name.is_empty() && name.len() <= 40 && name.chars().all(good)
}

fn is_route(route: &str) -> bool {
    let word = |w: &str| {
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        !w.is_empty() && w.len() <= 60 && w.chars().all(good)
    };
    route.split_once('.').is_some_and(|(service, method)| {
        service.split('-').all(word) && word(method) && method != topology::PING
    })
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::{Effect, Never};

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Greet;
    impl Request for Greet {
        const ROUTE: &'static str = "greeter.greet";
        const EFFECT: Effect = Effect::Repeatable;
        type Reply = String;
        type Error = Never;
    }

    #[test]
    fn a_call_that_nobody_answers_is_found() {
        let error = Manifests::new([Manifest::new("front").calls::<Greet>()]).unwrap_err();
        assert_eq!(error, ManifestError::Unanswered { member: "front", route: "greeter.greet" });
    }

    #[test]
    fn a_service_cannot_answer_for_another() {
        let error = Manifests::new([Manifest::new("order-svc").answers::<Greet>()]).unwrap_err();
        assert!(matches!(error, ManifestError::ForeignRoute { member: "order-svc", .. }));
    }

    #[test]
    fn names_that_would_confuse_the_broker_are_refused() {
        for name in ["", "Order", "order.svc", "order svc", "örder"] {
            let error = Manifests::new([Manifest::new(name)]).unwrap_err();
            assert_eq!(error, ManifestError::BadName(name.to_owned()));
        }
    }

    #[test]
    fn rights_say_who_may_speak_for_somebody() {
        let all = Manifests::new([
            Manifest::new("greeter-svc").answers::<Greet>(),
            Manifest::new("front").calls_for_caller::<Greet>(),
            Manifest::new("tool").calls::<Greet>(),
        ])
        .unwrap();
        assert!(all.right("front", Greet::ROUTE).unwrap().for_caller);
        assert!(!all.right("tool", Greet::ROUTE).unwrap().for_caller);
        assert!(all.right("stranger", Greet::ROUTE).is_none());
    }
}
