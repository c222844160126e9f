//! What the tests say: a service that echoes, sleeps, refuses and panics, and one that relays.

use std::{sync::Arc, time::Duration};

use mesh::{
    Caller, Ctx, Effect, Manifest, Manifests, Mesh, MeshConfig, Never, Refusal, RefusalKind, Reply,
    Request, Service, StopError,
    database::testing::{Backend, TestDatabase},
    testing::{PATIENCE, TestMesh},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::{sync::Notify, task::JoinHandle};

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Echo {
    pub text: String,
}
impl Request for Echo {
    const ROUTE: &'static str = "echo.say";
    const EFFECT: Effect = Effect::Repeatable;
    type Reply = String;
    type Error = Never;
}

/// Answers after so many milliseconds, with the number of the try.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Sleep {
    pub ms: u64,
}
impl Request for Sleep {
    const ROUTE: &'static str = "echo.sleep";
    const EFFECT: Effect = Effect::Repeatable;
    type Reply = u64;
    type Error = Never;
}

/// The same, but it must not run twice.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct SleepOnce {
    pub ms: u64,
}
impl Request for SleepOnce {
    const ROUTE: &'static str = "echo.sleep_once";
    const EFFECT: Effect = Effect::Once;
    type Reply = u64;
    type Error = Never;
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Panic {}
impl Request for Panic {
    const ROUTE: &'static str = "echo.panic";
    const EFFECT: Effect = Effect::Repeatable;
    type Reply = ();
    type Error = Never;
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Refuse {}
impl Request for Refuse {
    const ROUTE: &'static str = "echo.refuse";
    const EFFECT: Effect = Effect::Repeatable;
    type Reply = ();
    type Error = EchoError;
}

#[derive(Debug, PartialEq, thiserror::Error, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "code", content = "data")]
pub enum EchoError {
    #[error("not on a {day}")]
    #[serde(rename = "echo.wrong_day")]
    WrongDay { day: String },
}
impl Refusal for EchoError {
    fn kind(&self) -> RefusalKind {
        RefusalKind::Conflict
    }
}

/// Asks the service what it knows of the one who asks.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Who {}
impl Request for Who {
    const ROUTE: &'static str = "echo.who";
    const EFFECT: Effect = Effect::Repeatable;
    type Reply = Circumstances;
    type Error = Never;
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Circumstances {
    pub user: Option<String>,
    pub trace_id: String,
    pub left_ms: u64,
}

/// Asks relay-svc to ask echo-svc.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Relay {
    pub sleep_ms: Option<u64>,
}
impl Request for Relay {
    const ROUTE: &'static str = "relay.ask";
    const EFFECT: Effect = Effect::Repeatable;
    type Reply = Circumstances;
    type Error = Never;
}

pub fn manifests() -> Manifests {
    Manifests::new([
        Manifest::new("echo-svc")
            .answers::<Echo>()
            .answers::<Sleep>()
            .answers::<SleepOnce>()
            .answers::<Panic>()
            .answers::<Refuse>()
            .answers::<Who>(),
        Manifest::new("relay-svc").answers::<Relay>().calls_for_caller::<Who>().calls::<Sleep>(),
        Manifest::new("front")
            .watches_all()
            .calls::<Echo>()
            .calls::<Sleep>()
            .calls::<SleepOnce>()
            .calls::<Panic>()
            .calls::<Refuse>()
            .calls_for_caller::<Who>()
            .calls_for_caller::<Relay>(),
        Manifest::new("stranger").calls::<Echo>(),
    ])
    .unwrap()
}

async fn echo(_: Ctx<()>, request: Echo) -> Reply<Echo> {
    Ok(request.text)
}

async fn sleep(_: Ctx<()>, request: Sleep) -> Reply<Sleep> {
    tokio::time::sleep(Duration::from_millis(request.ms)).await;
    Ok(request.ms)
}

async fn sleep_once(_: Ctx<()>, request: SleepOnce) -> Reply<SleepOnce> {
    tokio::time::sleep(Duration::from_millis(request.ms)).await;
    Ok(request.ms)
}

async fn panic(_: Ctx<()>, _: Panic) -> Reply<Panic> {
    panic!("as asked")
}

async fn refuse(_: Ctx<()>, _: Refuse) -> Reply<Refuse> {
    Err(EchoError::WrongDay { day: "Sunday".to_owned() }.into())
}

async fn who(ctx: Ctx<()>, _: Who) -> Reply<Who> {
    Ok(circumstances(&ctx))
}

fn circumstances(ctx: &Ctx<()>) -> Circumstances {
    let left_ms = ctx.deadline().left().as_millis().try_into().unwrap();
    let user = ctx.caller().ok().map(|caller| caller.user_id.to_string());
    Circumstances { user, trace_id: ctx.trace_id(), left_ms }
}

async fn relay(ctx: Ctx<()>, request: Relay) -> Reply<Relay> {
    if let Some(ms) = request.sleep_ms {
        ctx.call(Sleep { ms }).await?;
    }
    Ok(ctx.call(Who {}).await?)
}

/// A running service of the test.
pub struct Running {
    pub mesh: Mesh,
    stop: Arc<Notify>,
    task: JoinHandle<Result<(), StopError>>,
    /// Databases that live as long as the service.
    _places: Vec<TestDatabase>,
}

impl Running {
    pub async fn stop(self) -> Result<(), StopError> {
        self.stop.notify_one();
        tokio::time::timeout(PATIENCE, self.task).await.expect("it stops").unwrap()
    }

    /// Gone without a word, as by SIGKILL: its connections are cut, and no task of it goes on.
    pub async fn kill(self, test: &TestMesh) {
        self.task.abort();
        let id = format!("/{} ", self.mesh.identity().instance);
        self.mesh.stop_without_a_word().await;
        mesh::testing::eventually("the killed one's connections are gone", async || {
            let names = test.connections().await;
            (!names.iter().any(|name| name.contains(&id))).then_some(())
        })
        .await;
    }
}

pub fn run<S: Send + Sync + 'static>(
    mesh: Mesh,
    service: Service<S>,
    places: Vec<TestDatabase>,
) -> Running {
    let stop = Arc::new(Notify::new());
    let stopped = Arc::clone(&stop);
    let task = tokio::spawn(async move { service.run_until(stopped.notified()).await });
    Running { mesh, stop, task, _places: places }
}

pub async fn start_echo(test: &TestMesh) -> Running {
    start_echo_with(test, test.config()).await
}

pub async fn start_echo_with(test: &TestMesh, config: MeshConfig) -> Running {
    let mesh = test.join_with("echo-svc", config).await;
    let place = TestDatabase::start(Backend::Sqlite).await;
    let database = place.connect_with_tables("echo-svc").await;
    let service = Service::new(mesh.clone(), ())
        .database(database)
        .handle(echo)
        .handle(sleep)
        .handle(sleep_once)
        .handle(panic)
        .handle(refuse)
        .handle(who);
    run(mesh, service, vec![place])
}

pub async fn start_relay(test: &TestMesh) -> Running {
    let mesh = test.join("relay-svc").await;
    let service = Service::new(mesh.clone(), ()).handle(relay);
    run(mesh, service, Vec::new())
}

/// A member that sees echo-svc.
pub async fn front(test: &TestMesh) -> Mesh {
    let front = test.join("front").await;
    assert!(front.sees("echo-svc", PATIENCE).await, "echo-svc is not seen");
    front
}

pub fn anna() -> Caller {
    Caller {
        user_id: uuid::Uuid::from_u128(7),
        role: "user".to_owned(),
        session_id: uuid::Uuid::from_u128(8),
    }
}

pub fn hello() -> Echo {
    Echo { text: "hello".to_owned() }
}
