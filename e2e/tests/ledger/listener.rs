//! A service that hears of every order, and notes each once.

use std::sync::Arc;

use common_messages::order::OrderCreated;
use mesh::{
    Ctx, Heard, Service,
    database::{
        Database,
        testing::{Backend, TestDatabase},
    },
    testing::TestMesh,
};
use sea_orm::{ConnectionTrait, Statement};
use tokio::{sync::Notify, task::JoinHandle};

pub const NAME: &str = "ledger-svc";

pub struct Listener {
    database: Database,
    stop: Arc<Notify>,
    task: JoinHandle<Result<(), mesh::StopError>>,
    _place: TestDatabase,
}

async fn note(ctx: Ctx<()>, event: OrderCreated) -> Heard {
    let tx = ctx.begin().await?;
    tx.execute_unprepared(&format!("INSERT INTO heard VALUES ('{}')", event.order.id)).await?;
    tx.commit(()).await
}

impl Listener {
    pub async fn start(test: &TestMesh) -> Self {
        let place = TestDatabase::start(Backend::Sqlite).await;
        let database = place.connect_with_tables(NAME).await;
        database.write().execute_unprepared("CREATE TABLE heard (id TEXT)").await.unwrap();
        let mesh = test.join(NAME).await;
        let (stop, database_of_service) = (Arc::new(Notify::new()), database.clone());
        let stopped = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let service = Service::new(mesh, ()).database(database_of_service).on(note);
            service.run_until(stopped.notified()).await
        });
        Self { database, stop, task, _place: place }
    }

    /// How many orders it has noted.
    pub async fn heard(&self) -> usize {
        let backend = self.database.read().get_database_backend();
        let count = Statement::from_string(backend, "SELECT count(*) FROM heard");
        let row = self.database.read().query_one_raw(count).await.unwrap().unwrap();
        row.try_get_by_index::<i64>(0).unwrap().try_into().unwrap()
    }

    pub async fn stop(self) {
        self.stop.notify_one();
        self.task.await.unwrap().unwrap();
    }
}
