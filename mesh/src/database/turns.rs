//! On SQLite one connection writes, and a commit costs an fsync. So writers take turns on it,
//! each in a savepoint of one shared transaction, and share its commit.
//!
//! The first of a group opens the shared transaction and sends a closer to the end of the line.
//! Whoever already waited goes before the closer and joins the group; then the closer commits
//! for all, and all are told at once. Nobody waits for anything but those ahead in the line.

use std::sync::Arc;

use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

/// What is done once the change is durable.
pub(super) type AfterCommit = Box<dyn FnOnce() + Send + Sync>;

/// The line of writers.
#[derive(Clone)]
pub(super) struct Turns {
    connection: DatabaseConnection,
    line: Arc<Mutex<Group>>,
}

/// Those who share a commit.
#[derive(Default)]
struct Group {
    shared: Option<DatabaseTransaction>,
    done: Vec<Done>,
}

/// A writer that has finished and waits for the commit.
struct Done {
    after: Vec<AfterCommit>,
    committed: oneshot::Sender<Result<(), DbErr>>,
}

/// One writer's turn: nobody else writes until it is given back.
pub(super) struct Turn(OwnedMutexGuard<Group>);

impl Turns {
    pub fn on(connection: DatabaseConnection) -> Self {
        Self { connection, line: Arc::default() }
    }

    /// Waits for a turn; returns it with a savepoint to write in.
    pub async fn take(&self) -> Result<(Turn, DatabaseTransaction), DbErr> {
        let mut group = Arc::clone(&self.line).lock_owned().await;
        if group.shared.is_none() {
            group.shared = Some(self.open().await?);
            tokio::spawn(close(Arc::clone(&self.line)));
        }
        match &group.shared {
            Some(shared) => {
                let savepoint = shared.begin().await?;
                Ok((Turn(group), savepoint))
            }
            None => Err(DbErr::Custom("the shared transaction is gone".to_owned())),
        }
    }

    async fn open(&self) -> Result<DatabaseTransaction, DbErr> {
        // A deferred one that reads before it writes fails at once when others write.
        let sqlite_transaction_mode = Some(SqliteTransactionMode::Immediate);
        let options =
            TransactionOptions { sqlite_transaction_mode, ..TransactionOptions::default() };
        self.connection.begin_with_options(options).await
    }
}

impl Turn {
    /// Gives the turn back, and waits until the change is durable.
    pub async fn finish(mut self, after: Vec<AfterCommit>) -> Result<(), DbErr> {
        let (committed, durable) = oneshot::channel();
        self.0.done.push(Done { after, committed });
        drop(self);
        let lost = || DbErr::Custom("the shared transaction was given up".to_owned());
        durable.await.map_err(|_| lost())?
    }
}

/// Commits for everybody who has finished.
async fn close(line: Arc<Mutex<Group>>) {
    let mut group = line.lock().await;
    let Some(shared) = group.shared.take() else { return };
    let done = std::mem::take(&mut group.done);
    let result = shared.commit().await;
    drop(group);
    for Done { after, committed } in done {
        if result.is_ok() {
            after.into_iter().for_each(|then| then());
        }
        // Who has stopped waiting need not be told.
        let _ = committed.send(result.clone());
    }
}
