//! `./dev up`.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use harness::checkout::Checkout;
use harness::secrets::Secrets;
use harness::stack::{ADMIN_EMAIL, OPERATOR, SERVICES, Scale, Service};
use harness::supervisor::Supervised;
use harness::{Management, Node, leftovers};
use tokio::task::JoinSet;
use tokio::time::sleep;

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

/// How long a broker that ended by itself stays down.
const PAUSE: Duration = Duration::from_secs(1);

/// A running system, or one that is being started or stopped.
struct Up<'a> {
    checkout: &'a Checkout,
    progress: &'a Progress,
    settings: Settings,
    scale: Scale,
    secrets: Secrets,
    services: Vec<(&'static Service, Supervised)>,
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
    let secrets = Secrets::open(checkout.run("secrets"))?;
    let (services, broker) = (Vec::new(), None);
    let mut up = Up { checkout, progress, settings, scale, secrets, services, broker };

    let running = async {
        up.start().await?;
        up.watch_broker().await
    };
    let outcome = tokio::select! {
        outcome = running => outcome,
        () = signals.next() => Ok(()),
    };
    if let Err(error) = &outcome {
        progress.fail(&format!("{error:#}"));
    }
    up.stop(&mut signals).await;
    Ok(if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Up<'_> {
    async fn start(&mut self) -> Result<()> {
        let begun = Instant::now();
        leftovers::end(&self.checkout.run("pids")).await?;
        check_address(self.settings.gateway_addr)?;
        let amqp_url = match self.settings.amqp_url.clone() {
            Some(url) => self.use_broker(url).await?,
            None => self.start_broker().await?,
        };
        for service in SERVICES {
            self.start_service(service, &amqp_url)?;
        }
        let (url, logs) = (self.settings.gateway_url(), self.checkout.run("logs"));
        let healthy = health::wait(&url, &self.scale, &self.services, &logs);
        self.progress.step("services healthy", healthy).await?;
        self.progress.say(&self.welcome(begun)?);
        Ok(())
    }

    /// Answers with the address of a broker of our own.
    async fn start_broker(&mut self) -> Result<String> {
        let dir = self.checkout.run("broker");
        let start = Node::start_with(&dir, &self.secrets);
        let node = self.broker.insert(self.progress.step("RabbitMQ", start).await?);
        let import = async {
            let definitions = definitions::generate(self.checkout, &self.secrets, "/").await?;
            node.import_definitions(&definitions).await
        };
        self.progress.step("users, permissions, queues", import).await?;
        Ok(node.amqp_url())
    }

    /// Brings the broker that `AMQP_URL` names to know what ours would: over its management
    /// API if we know that, else by telling the operator how.
    async fn use_broker(&self, url: String) -> Result<String> {
        let vhost = definitions::vhost_of(&url)?;
        let definitions = definitions::generate(self.checkout, &self.secrets, &vhost).await?;
        match &self.settings.management_url {
            None => self.progress.say(&definitions::how_to_import(self.checkout, &definitions)?),
            Some(management) => {
                let management = Management::new(management).context("MANAGEMENT_URL")?;
                let import = management.import_definitions(&definitions);
                self.progress.step("users, permissions, queues", import).await?;
            }
        }
        Ok(url)
    }

    fn start_service(&mut self, service: &'static Service, amqp_url: &str) -> Result<()> {
        for number in 1..=self.scale.of(service) {
            let mut spec = service.spec(self.checkout, number, amqp_url)?;
            if !self.settings.sets("LOG_FORMAT") {
                spec = spec.env("LOG_FORMAT", "pretty").env("NO_COLOR", "1"); // people read it
            }
            if let (true, Some(password)) = (service.makes_admin, self.admin_password()?) {
                spec = spec.env("ADMIN_EMAIL", ADMIN_EMAIL).env("ADMIN_PASSWORD", password);
            }
            let teller = self.progress.clone();
            let supervised = Supervised::start(spec, move |text| teller.say(&text))?;
            self.services.push((service, supervised));
        }
        Ok(())
    }

    /// The first administrator's password, unless somebody else has named one.
    fn admin_password(&self) -> Result<Option<String>> {
        if self.settings.sets("ADMIN_EMAIL") {
            return Ok(None);
        }
        self.secrets.password("first-admin").map(Some)
    }

    /// Starts a broker of our own again whenever it ends by itself.
    async fn watch_broker(&mut self) -> Result<()> {
        let Some(node) = &mut self.broker else { return std::future::pending().await };
        loop {
            let status = node.ended().await.map_or_else(String::new, |status| status.to_string());
            self.progress.say(&format!("RabbitMQ ended ({status}) and is started again in 1 s"));
            sleep(PAUSE).await;
            self.progress.step("RabbitMQ", node.restart()).await?;
        }
    }

    /// The gateway first, so that nobody is let in any more, then the services side by side,
    /// then the broker. A second signal cuts it short.
    async fn stop(mut self, signals: &mut Signals) {
        let progress = self.progress;
        let all = async move {
            let services = std::mem::take(&mut self.services);
            let (gateway, inner) = services.into_iter().partition(|(one, _)| one.listens);
            stop_services("stop the gateway", gateway, progress).await?;
            stop_services("stop the services", inner, progress).await?;
            match self.broker.take() {
                Some(node) => progress.step("stop RabbitMQ", stop_broker(node)).await,
                None => Ok(()),
            }
        };
        tokio::select! {
            _ = all => progress.say("Stopped."),
            () = signals.next() => progress.say("Killing what still runs."), // by dropping it
        }
    }

    fn welcome(&self, begun: Instant) -> Result<String> {
        let url = self.settings.gateway_url();
        let admin = match self.admin_password()? {
            Some(password) => format!("{ADMIN_EMAIL}, password {password}"),
            None => "as ADMIN_EMAIL says".to_owned(),
        };
        let broker = match &self.broker {
            Some(node) => {
                let password = self.secrets.password(OPERATOR)?;
                let address = node.management_url();
                format!("{address}\n                 {OPERATOR}, password {password}")
            }
            None => "of the broker that AMQP_URL names".to_owned(),
        };
        Ok(format!(
            "\nWarren is up, after {}.\n\n  \
             gateway        {url}\n  \
             API docs       {url}/api/docs\n  \
             health         {url}/health\n  \
             RabbitMQ UI    {broker}\n  \
             administrator  {admin}\n  \
             logs           .run/logs/, or ./dev logs in another terminal\n\n\
             A first request:\n\n  \
             curl -i {url}/api/users/register -H 'Content-Type: application/json' \\\n       \
             -d '{{\"email\": \"anna@example.com\", \"password\": \"correct horse\", \"name\": \"Anna\"}}'\n\n\
             Ctrl-C stops all of it.",
            seconds(begun.elapsed()).trim()
        ))
    }
}

/// Somebody else's program on our port would answer our questions, or take our users'.
fn check_address(addr: SocketAddr) -> Result<()> {
    match TcpListener::bind(addr) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AddrInUse => bail!(
            "{addr} is taken by another program: set GATEWAY_ADDR to a free address, \
             in the environment or in .env (GATEWAY_ADDR=127.0.0.1:8081 ./dev up)"
        ),
        Err(error) => Err(error).with_context(|| format!("GATEWAY_ADDR={addr}: listen there")),
    }
}

async fn stop_services(
    step: &str,
    services: Vec<(&Service, Supervised)>,
    progress: &Progress,
) -> Result<()> {
    if services.is_empty() {
        return Ok(());
    }
    let mut stops: JoinSet<()> = services.into_iter().map(|(_, one)| one.stop()).collect();
    let all = async {
        while stops.join_next().await.is_some() {}
        Ok(())
    };
    progress.step(step, all).await
}

async fn stop_broker(node: Node) -> Result<()> {
    node.stop().await;
    Ok(())
}
