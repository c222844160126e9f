//! A mesh of the test's own with user-svc in it, and the gateway's place to speak from.

use std::time::Duration;

use common_messages::{
    services,
    user::{LoggedIn, Login, Register, User, UserError, VerifyToken},
};
use mesh::{
    CallError, Caller, Manifests, Mesh, Request, StopError,
    database::{
        Database,
        testing::{Backend, TestDatabase},
    },
    testing::{PATIENCE, TestMesh},
};
use sea_orm::{ConnectionTrait, Statement, prelude::ChronoUtc};
use tokio::{sync::oneshot, task::JoinHandle};
use user_svc::{AccountsConfig, App};

use crate::ear;

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
        let all = services::all().unwrap();
        let with_ear = Manifests::new(all.iter().cloned().chain([ear::manifest()])).unwrap();
        let (mesh, database) =
            (TestMesh::start(&with_ear).await, TestDatabase::start(backend).await);
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

    /// Whose tokens these are, as the gateway would name them.
    pub async fn caller(&self, given: &LoggedIn) -> Caller {
        let token = given.access_token.clone();
        let claims = self.ask(VerifyToken { token }).await.unwrap().claims.unwrap();
        let role = claims.role.as_str().to_owned();
        Caller { user_id: claims.sub, role, session_id: claims.sid }
    }

    /// One who logs in.
    pub async fn enter(&self, email: &str) -> Caller {
        self.caller(&self.log_in(email).await).await
    }

    /// One who registers and logs in.
    pub async fn somebody(&self, email: &str) -> Caller {
        self.register(email).await;
        self.enter(email).await
    }

    /// The administrator.
    pub async fn admin(&self) -> Caller {
        self.enter("root@example.org").await
    }

    /// Whether the access token is good.
    pub async fn is_good(&self, given: &LoggedIn) -> bool {
        let token = given.access_token.clone();
        self.ask(VerifyToken { token }).await.unwrap().valid
    }

    /// Sets a time in the tables, `seconds` ago: `UPDATE … SET … = $1`.
    pub async fn set_back(&self, update: &str, seconds: i64) {
        let time = ChronoUtc::now() - chrono::Duration::seconds(seconds);
        let tables = self.tables().await;
        let kind = tables.write().get_database_backend();
        let update = Statement::from_sql_and_values(kind, update, [time.into()]);
        assert!(tables.write().execute_raw(update).await.unwrap().rows_affected() > 0);
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
