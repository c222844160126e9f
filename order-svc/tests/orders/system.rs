//! A mesh of the test's own with order-svc in it, and the gateway's place to speak from.

use std::time::Duration;

use common_messages::{
    Money,
    order::{
        GetOrder, GetOrderHistory, ListOrders, Order, OrderError, OrderStatus, PlaceOrder,
        SetOrderStatus,
    },
    services,
    user::{SetStatus, Status, User},
};
use mesh::{
    CallError, Caller, Manifest, Manifests, Mesh, Presence, Request, Service, StopError,
    database::testing::{Backend, TestDatabase},
    testing::{PATIENCE, TestMesh, eventually},
};
use order_svc::App;
use tokio::{sync::oneshot, task::JoinHandle};
use uuid::Uuid;

use crate::{
    ear::{self, Ear},
    users::{self, Users},
};

/// Two instances of order-svc on one database, and all around them.
pub struct System {
    pub mesh: TestMesh,
    pub gateway: Mesh,
    pub users: Users,
    pub ear: Ear,
    members: Vec<Mesh>,
    user_svc: Option<Running>,
    others: Vec<Running>,
    _places: [TestDatabase; 2],
}

struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), StopError>>,
}

impl Running {
    fn start<S: Send + Sync + 'static>(service: Service<S>) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        Self { stop, task: tokio::spawn(service.run_until(async { _ = stopped.await })) }
    }

    /// What was begun must have been finished.
    async fn finish(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
    }
}

/// Tells the story on each kind of database.
pub async fn on_each(story: impl AsyncFn(&mut System)) {
    for backend in Backend::ALL {
        let mut system = System::start(backend).await;
        story(&mut system).await;
        system.finish().await;
    }
}

/// order-svc as all know it; of the others what it meets.
fn manifests() -> Manifests {
    let gateway = Manifest::new("gateway")
        .watches_all()
        .calls_for_caller::<PlaceOrder>()
        .calls_for_caller::<GetOrder>()
        .calls_for_caller::<ListOrders>()
        .calls_for_caller::<SetOrderStatus>()
        .calls_for_caller::<GetOrderHistory>()
        .calls::<SetStatus>();
    let around = [users::manifest(), ear::manifest(), gateway];
    Manifests::new(around.into_iter().chain([services::order_svc()])).unwrap()
}

impl System {
    async fn start(backend: Backend) -> Self {
        let mesh = TestMesh::start(&manifests()).await;
        let (users, ear) = (Users::default(), Ear::default());
        let place = TestDatabase::start(backend).await;
        let users_place = TestDatabase::start(Backend::Sqlite).await;
        let (user_mesh, tables) =
            (mesh.join(users::NAME).await, users_place.connect_with_tables(users::NAME).await);
        let user_svc = Running::start(users::service(user_mesh, users.clone(), tables));
        let (mut members, mut others) = (Vec::new(), Vec::new());
        for _ in 0..2 {
            let app = App::open(place.config()).await.unwrap();
            let member = mesh.join(order_svc::NAME).await;
            assert!(member.sees(users::NAME, PATIENCE).await, "user-svc announces itself");
            members.push(member.clone());
            others.push(Running::start(order_svc::service(member, app)));
        }
        others.push(Running::start(ear::service(mesh.join(ear::NAME).await, ear.clone())));
        let gateway = mesh.join("gateway").await;
        for service in [users::NAME, order_svc::NAME] {
            assert!(gateway.sees(service, PATIENCE).await, "{service} announces itself");
        }
        let (user_svc, _places) = (Some(user_svc), [place, users_place]);
        Self { mesh, gateway, users, ear, members, user_svc, others, _places }
    }

    async fn finish(mut self) {
        self.stop_user_svc().await;
        for running in self.others {
            running.finish().await;
        }
        self.gateway.stop().await;
        self.mesh.finish().await;
    }

    /// Stops user-svc, and waits until both instances have heard it go.
    pub async fn stop_user_svc(&mut self) {
        let Some(running) = self.user_svc.take() else { return };
        running.finish().await;
        for member in &self.members {
            let presence = || member.registry().presence(users::NAME);
            eventually("user-svc is gone", async || (presence() == Presence::Gone).then_some(()))
                .await;
        }
    }

    /// An active user, as the gateway would name them.
    pub fn somebody(&self) -> Caller {
        caller(self.users.add(Status::Active), "user")
    }

    pub fn admin(&self) -> Caller {
        caller(self.users.add(Status::Active), "admin")
    }

    /// What user-svc would do, and tell.
    pub async fn set_user(&self, who: &Caller, status: Status) -> User {
        self.gateway.call(SetStatus { id: who.user_id, status }).await.unwrap()
    }

    pub async fn ask_as<R: Request>(
        &self,
        who: &Caller,
        request: R,
    ) -> Result<R::Reply, CallError<R::Error>> {
        self.gateway.call(request).caller(who).within(Duration::from_secs(10)).await
    }

    pub async fn place(&self, who: &Caller, order: PlaceOrder) -> Order {
        self.ask_as(who, order).await.unwrap()
    }

    pub async fn set(
        &self,
        who: &Caller,
        id: Uuid,
        status: OrderStatus,
    ) -> Result<Order, CallError<OrderError>> {
        self.ask_as(who, SetOrderStatus { id, status }).await
    }
}

pub fn caller(user_id: Uuid, role: &str) -> Caller {
    Caller { user_id, role: role.to_owned(), session_id: Uuid::now_v7() }
}

/// Three lamps at 29.99.
pub fn lamps() -> PlaceOrder {
    PlaceOrder {
        product: "lamp".to_owned(),
        description: None,
        quantity: 3,
        price: Money::from_minor(2999),
        currency: "EUR".to_owned(),
        reference: None,
    }
}

/// The refusal that must have come.
#[track_caller]
pub fn refusal<T: std::fmt::Debug>(answer: Result<T, CallError<OrderError>>) -> OrderError {
    match answer {
        Err(CallError::Refused(refusal)) => refusal,
        other => panic!("not a refusal of order-svc: {other:?}"),
    }
}

/// The fields that must have been named as wrong.
#[track_caller]
pub fn wrong_fields<T: std::fmt::Debug>(answer: Result<T, CallError<OrderError>>) -> Vec<String> {
    match answer {
        Err(CallError::Rejected(no)) => no.field_errors().into_iter().map(|e| e.field).collect(),
        other => panic!("not a refusal of fields: {other:?}"),
    }
}
