//! `./dev up`.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use harness::checkout::Checkout;
use harness::secrets::Secrets;
use harness::stack::{GATEWAY, OPERATOR, OTHER_USERS, SERVICES, Scale};
use harness::supervisor::Supervised;
use harness::{Node, leftovers};

use super::down::RunLock;
use crate::commands::{definitions, health};
use crate::progress::{Progress, seconds};
use crate::settings::Settings;
use crate::signals::Signals;

/// What `up` may be told.
#[derive(clap::Args)]
pub struct Options {
    /// Runs several instances of a service, such as `user-svc=3`.
    #[arg(long, value_name = "SERVICE=COUNT")]
    scale: Vec<String>,
    /// Runs optimised builds (`./dev` has made them).
    #[arg(long)]
    release: bool,
}

/// How long the services may take until they serve.
const HEALTHY: Duration = Duration::from_secs(90);

/// What runs, in the order in which it is stopped.
#[derive(Default)]
struct System {
    services: Vec<(&'static str, Supervised)>,
    broker: Option<Node>,
}

/// Starts everything, waits for a signal, and stops everything.
pub async fn run(checkout: &Checkout, progress: &Progress, options: &Options) -> Result<ExitCode> {
    // The programs started are those of the build that we are part of.
    ensure!(!options.release || !cfg!(debug_assertions), "an optimised build is made by ./dev");
    let scale = Scale::parse(&options.scale)?;
    let settings = Settings::read(checkout)?;
    let _lock = RunLock::take(checkout)?;
    let mut signals = Signals::catch()?;
    let mut system = System::default();
    let outcome = tokio::select! {
        started = start(checkout, progress, &settings, &scale, &mut system) => match started {
            Ok(()) => { signals.next().await; Ok(()) }
            Err(error) => Err(error),
        },
        () = signals.next() => Ok(()),
    };
    if let Err(error) = &outcome {
        progress.fail(&format!("{error:#}"));
    }
    tokio::select! {
        () = system.stop(progress) => progress.say("Stopped."),
        () = signals.next() => progress.say("Killing what still runs."), // by dropping it
    }
    Ok(if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn start(
    checkout: &Checkout,
    progress: &Progress,
    settings: &Settings,
    scale: &Scale,
    system: &mut System,
) -> Result<()> {
    let begun = Instant::now();
    leftovers::end(&checkout.run("pids")).await?;
    check_address(settings)?;
    let secrets = Secrets::open(checkout.run("secrets"))?;
    for user in SERVICES.iter().map(|service| service.name).chain(OTHER_USERS.iter().copied()) {
        secrets.password(user)?;
    }
    let amqp_url = broker(checkout, progress, settings, &secrets, system).await?;
    for service in SERVICES {
        for number in 1..=scale.of(service) {
            let spec = service.spec(checkout, number, &amqp_url)?;
            let teller = progress.clone();
            let watched = Supervised::start(spec, move |text| teller.say(&text))?;
            system.services.push((service.name, watched));
        }
    }
    let healthy = health::wait(checkout, settings, scale, HEALTHY);
    progress.step("services healthy", healthy).await?;
    progress.say(&welcome(settings, &secrets, system, begun)?);
    Ok(())
}

/// The address of a broker that knows Warren's users and queues: our own, unless told
/// otherwise.
async fn broker(
    checkout: &Checkout,
    progress: &Progress,
    settings: &Settings,
    secrets: &Secrets,
    system: &mut System,
) -> Result<String> {
    if let Some(url) = &settings.amqp_url {
        definitions::import_elsewhere(checkout, progress, settings, secrets).await?;
        return Ok(url.clone());
    }
    let dir = checkout.run("broker");
    let node = progress.step("RabbitMQ", Node::start_with(&dir, secrets)).await?;
    let node = system.broker.insert(node);
    let import = definitions::import(checkout, node, secrets);
    progress.step("users, permissions, queues", import).await?;
    Ok(node.amqp_url())
}

/// Somebody else's program on our port would answer our questions, or take our users'.
fn check_address(settings: &Settings) -> Result<()> {
    let addr = settings.gateway_addr;
    match TcpListener::bind(addr) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AddrInUse => bail!(
            "{addr} is taken by another program: set GATEWAY_ADDR to a free address, \
             in the environment or in .env (GATEWAY_ADDR=127.0.0.1:8081 ./dev up)"
        ),
        Err(error) => Err(error).with_context(|| format!("GATEWAY_ADDR={addr}: listen there")),
    }
}

impl System {
    /// The gateway first, so that nobody is let in any more, then the services side by side,
    /// then the broker.
    async fn stop(&mut self, progress: &Progress) {
        let services = std::mem::take(&mut self.services);
        let (gateway, inner): (Vec<_>, Vec<_>) =
            services.into_iter().partition(|(name, _)| *name == GATEWAY.name);
        for (step, group) in [("stop the gateway", gateway), ("stop the services", inner)] {
            if !group.is_empty() {
                let _ = progress.step(step, stop_all(group)).await;
            }
        }
        if let Some(node) = self.broker.take() {
            let stop = async {
                node.stop().await;
                Ok(())
            };
            let _ = progress.step("stop RabbitMQ", stop).await;
        }
    }
}

async fn stop_all(group: Vec<(&'static str, Supervised)>) -> Result<()> {
    let mut stops = tokio::task::JoinSet::new();
    for (_, service) in group {
        stops.spawn(service.stop());
    }
    stops.join_all().await;
    Ok(())
}

fn welcome(
    settings: &Settings,
    secrets: &Secrets,
    system: &System,
    begun: Instant,
) -> Result<String> {
    let url = settings.gateway_url();
    let broker = match &system.broker {
        Some(node) => format!(
            "{}  (login {OPERATOR}, password {})",
            node.management_url(),
            secrets.password(OPERATOR)?
        ),
        None => "as AMQP_URL says".to_owned(),
    };
    Ok(format!(
        "\nWarren is up, after {}.\n\n  \
         gateway       {url}\n  \
         API docs      {url}/api/docs\n  \
         health        {url}/health\n  \
         RabbitMQ UI   {broker}\n  \
         logs          .run/logs/, or ./dev logs in another terminal\n\n\
         A first request:\n\n  \
         curl -i {url}/api/users/register -H 'content-type: application/json' \\\n       \
         -d '{{\"email\": \"anna@example.com\", \"password\": \"correct horse\"}}'\n\n\
         Ctrl-C stops all of it.",
        seconds(begun.elapsed()).trim()
    ))
}
