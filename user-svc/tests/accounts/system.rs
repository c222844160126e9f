//! A mesh of the test's own with user-svc in it, and the gateway's place to speak from.

use std::time::Duration;

use common_messages::{
    services,
    user::{LoggedIn, Login, Register, Role, User, UserError},
};
use mesh::{
    CallError, Caller, Mesh, Request, StopError,
    database::{
        Database,
        testing::{Backend, TestDatabase},
    },
    testing::{PATIENCE, TestMesh},
};
use tokio::{sync::oneshot, task::JoinHandle};
use user_svc::{AccountsConfig, App};
use uuid::Uuid;

/// Anna's, and everybody's.
pub const PASSWORD: &str = "correct horse battery";

/// One instance of user-svc, and all around it.
pub struct System {
    pub mesh: TestMesh,
    pub database: TestDatabase,
    pub gateway: Mesh,
    instances: Vec<Instance>,
}

struct Instance {
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), StopError>>,
}

/// Tells the story on each kind of database.
pub async fn on_each(story: impl AsyncFn(&System)) {
    for backend in Backend::ALL {
        let system = System::start(backend).await;
        story(&system).await;
        system.finish().await;
    }
}

/// Cheap passwords, an hour of tokens' life, no administrator.
pub fn config() -> AccountsConfig {
    AccountsConfig { bcrypt_cost: 4, ..AccountsConfig::default() }
}

/// An account that makes administrators.
pub fn config_with_admin() -> AccountsConfig {
    AccountsConfig {
        admin_email: Some("Root@example.org".to_owned()),
        admin_password: Some(PASSWORD.to_owned().into()),
        ..config()
    }
}

impl System {
    pub async fn start(backend: Backend) -> Self {
        let mut system = Self::empty(backend).await;
        system.add(&config_with_admin()).await;
        system
    }

    /// Without an instance of user-svc.
    pub async fn empty(backend: Backend) -> Self {
        let (mesh, database) =
            (TestMesh::start(&services::all().unwrap()).await, TestDatabase::start(backend).await);
        let gateway = mesh.join("gateway").await;
        Self { mesh, database, gateway, instances: Vec::new() }
    }

    /// Starts one more instance, and waits until it can be asked.
    pub async fn add(&mut self, config: &AccountsConfig) {
        let app = App::open(self.database.config(), config).await.unwrap();
        self.run(app).await;
    }

    pub async fn run(&mut self, app: App) {
        let mesh = self.mesh.join(user_svc::NAME).await;
        let (stop, stopped) = oneshot::channel::<()>();
        let until = async { _ = stopped.await };
        let running = tokio::spawn(user_svc::service(mesh, app).run_until(until));
        self.instances.push(Instance { stop, running });
        assert!(self.gateway.sees(user_svc::NAME, PATIENCE).await, "user-svc announces itself");
    }

    /// Stops everything; what was begun must have been finished.
    pub async fn finish(self) {
        for Instance { stop, running } in self.instances {
            stop.send(()).unwrap();
            running.await.unwrap().unwrap();
        }
        self.gateway.stop().await;
        self.mesh.finish().await;
    }

    /// The service's database, past the service.
    pub async fn tables(&self) -> Database {
        self.database.connect(user_svc::NAME).await
    }

    pub async fn ask<R: Request>(&self, request: R) -> Result<R::Reply, CallError<R::Error>> {
        self.gateway.call(request).within(Duration::from_secs(10)).await
    }

    pub async fn ask_as<R: Request>(
        &self,
        who: &Caller,
        request: R,
    ) -> Result<R::Reply, CallError<R::Error>> {
        self.gateway.call(request).caller(who).within(Duration::from_secs(10)).await
    }

    pub async fn register(&self, email: &str) -> User {
        self.ask(registration(email)).await.unwrap()
    }

    pub async fn log_in(&self, email: &str) -> LoggedIn {
        self.ask(login(email, PASSWORD)).await.unwrap()
    }

    /// A registered user, as the gateway would name them.
    pub async fn somebody(&self, email: &str) -> Caller {
        caller(&self.register(email).await)
    }

    /// The administrator.
    pub async fn admin(&self) -> Caller {
        caller(&self.log_in("root@example.org").await.user)
    }
}

pub fn registration(email: &str) -> Register {
    Register {
        email: email.to_owned(),
        password: PASSWORD.to_owned().into(),
        name: None,
        role: None,
    }
}

pub fn login(email: &str, password: &str) -> Login {
    Login { email: email.to_owned(), password: password.to_owned().into() }
}

pub fn caller(user: &User) -> Caller {
    let role = user.role.unwrap_or(Role::User).as_str().to_owned();
    Caller { user_id: user.id, role, session_id: Uuid::now_v7() }
}

/// The refusal that must have come.
#[track_caller]
pub fn refusal<T: std::fmt::Debug>(answer: Result<T, CallError<UserError>>) -> UserError {
    match answer {
        Err(CallError::Refused(refusal)) => refusal,
        other => panic!("not a refusal of user-svc: {other:?}"),
    }
}

/// The fields that must have been named as wrong.
#[track_caller]
pub fn wrong_fields<T: std::fmt::Debug>(answer: Result<T, CallError<UserError>>) -> Vec<String> {
    match answer {
        Err(CallError::Rejected(no)) => no.field_errors().into_iter().map(|e| e.field).collect(),
        other => panic!("not a refusal of fields: {other:?}"),
    }
}
