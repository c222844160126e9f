//! What Warren consists of.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};

use crate::checkout::{self, Checkout};
use crate::spec::Spec;

/// A program that `./dev up` keeps running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// Its name, its binary's, and its broker user's.
    pub name: &'static str,
    /// Whether it listens on a port, so that there can be only one on a machine.
    pub listens: bool,
    /// Whether it makes the first administrator, if it is told one.
    pub makes_admin: bool,
}

/// The one that speaks HTTP for all of them.
pub const GATEWAY: Service = Service { listens: true, ..Service::inner("gateway") };

/// Everything, in the order in which it is stopped: who asks before who answers.
pub const SERVICES: &[Service] = &[
    GATEWAY,
    Service::inner("order-svc"),
    Service { makes_admin: true, ..Service::inner("user-svc") },
];

/// The login for the management UI.
pub const OPERATOR: &str = "operator";

/// The log-in of the first administrator that `./dev up` makes. The password is random.
pub const ADMIN_EMAIL: &str = "admin@example.com";

/// More instances than this on one machine are a slip of the finger.
const MOST_INSTANCES: usize = 32;

/// How many instances of which service; one of each that is not named.
#[derive(Debug, Clone, Default)]
pub struct Scale(BTreeMap<&'static str, usize>);

impl Service {
    /// One that speaks only through the broker.
    const fn inner(name: &'static str) -> Self {
        Self { name, listens: false, makes_admin: false }
    }

    /// How instance `number` (from 1) of it is started. Its password is in a file, and not
    /// among the variables, which anybody who may see our processes could read.
    pub fn spec(&self, checkout: &Checkout, number: usize, amqp_url: &str) -> Result<Spec> {
        let name = self.instance_name(number);
        let log = checkout.run("logs").join(format!("{name}.log"));
        let program = checkout::binary(self.name)?;
        let spec = Spec::new(name, program, checkout.root(), checkout.run("pids"));
        Ok(spec.env("AMQP_URL", amqp_url).env("SECRETS_DIR", checkout.run("secrets")).log(log))
    }

    /// `user-svc` for the first, `user-svc.2` for the second.
    fn instance_name(&self, number: usize) -> String {
        if number == 1 { self.name.to_owned() } else { format!("{}.{number}", self.name) }
    }
}

impl Scale {
    /// Reads `user-svc=3` and the like.
    pub fn parse(wishes: &[String]) -> Result<Self> {
        let mut counts = BTreeMap::new();
        for wish in wishes {
            let (service, count) = parse(wish).with_context(|| format!("--scale {wish}"))?;
            counts.insert(service.name, count);
        }
        Ok(Self(counts))
    }

    /// How many instances of `service` to run.
    pub fn of(&self, service: &Service) -> usize {
        self.0.get(service.name).copied().unwrap_or(1)
    }
}

fn parse(wish: &str) -> Result<(&'static Service, usize)> {
    let (name, count) = wish.split_once('=').context("expected SERVICE=COUNT")?;
    let known = || SERVICES.iter().map(|service| service.name).collect::<Vec<_>>().join(", ");
    let service = SERVICES.iter().find(|service| service.name == name);
    let service = service.with_context(|| format!("no such service; there are {}", known()))?;
    let count = count.parse().context("COUNT is a number")?;
    ensure!((1..=MOST_INSTANCES).contains(&count), "COUNT is from 1 to {MOST_INSTANCES}");
    ensure!(!service.listens || count == 1, "{name} listens on a port: there can be only one");
    Ok((service, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(wishes: &[&str]) -> Result<Scale> {
        Scale::parse(&wishes.iter().map(|wish| (*wish).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_service_runs_once_unless_told_otherwise() {
        let user_svc = Service::inner("user-svc");
        assert_eq!(scale(&[]).unwrap().of(&user_svc), 1);
        assert_eq!(scale(&["user-svc=3"]).unwrap().of(&user_svc), 3);
    }

    #[test]
    fn a_scale_that_cannot_be_is_refused() {
        for wish in ["user-svc", "user-svc=", "user-svc=0", "user-svc=99", "nobody=1", "gateway=2"]
        {
            assert!(scale(&[wish]).is_err(), "{wish}");
        }
    }

    #[test]
    fn instances_have_names_of_their_own() {
        let user_svc = Service::inner("user-svc");
        assert_eq!(user_svc.instance_name(1), "user-svc");
        assert_eq!(user_svc.instance_name(2), "user-svc.2");
    }
}
