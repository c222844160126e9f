//! What a handler sees: begin, emit, commit.

use std::sync::Arc;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, SqlErr, Statement};
use serde::Serialize;

use super::{inbox::Claim, outbox::Stored, relay::Relay};
use crate::{
    contract::Event,
    database::{Database, Transaction},
    deadline::Deadline,
    handler::HandlerError,
    refusal::{RefusalKind, Rejection},
    trace::TraceContext,
};

/// A change in the making: its statements, the events that tell of it, and the reply. All of it
/// is committed together, or nothing.
///
/// Dropped without [`commit`](Self::commit) nothing has happened. Calls to other services are
/// made before it begins, never within it.
#[derive(Debug)]
pub struct Tx {
    transaction: Transaction,
    claim: Option<Claim>,
    relay: Arc<Relay>,
    trace: TraceContext,
}

/// Why a change could not begin.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// The same request has been done before; its reply is stored.
    #[error("this request has been done before")]
    DoneBefore,
    /// The same request is being done elsewhere, and the deadline has come.
    #[error("the same request is still being handled")]
    StillRunning,
    /// The service was built without a database: `Service::database`.
    #[error("the service has no database")]
    NoDatabase,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbErr),
}

impl<E> From<BeginError> for HandlerError<E> {
    fn from(error: BeginError) -> Self {
        match error {
            BeginError::DoneBefore => Self::DoneBefore,
            BeginError::StillRunning => Self::Rejected(Rejection::of_mesh(
                Rejection::STILL_RUNNING,
                RefusalKind::Conflict,
                error.to_string(),
            )),
            BeginError::NoDatabase | BeginError::Database(_) => Self::Unexpected(error.into()),
        }
    }
}

impl Tx {
    /// Begins, and takes the place of the request in the inbox: a repeat that runs at the same
    /// time waits here until this one is over.
    pub(crate) async fn begin(
        database: &Database,
        relay: &Arc<Relay>,
        claim: Option<Claim>,
        trace: TraceContext,
        deadline: Deadline,
    ) -> Result<Self, BeginError> {
        let begin = async {
            let transaction = database.begin().await?;
            let Some(claim) = &claim else { return Ok(transaction) };
            let Err(error) = claim.take(&transaction).await else { return Ok(transaction) };
            let error = done_before(error);
            if matches!(error, BeginError::DoneBefore) {
                // Who was first may share a commit with this one: its reply is there after it.
                transaction.commit().await?;
            }
            Err(error)
        };
        // Whoever gives up here has written nothing.
        let begun = tokio::time::timeout_at(deadline.instant(), begin).await;
        let transaction = begun.map_err(|_| BeginError::StillRunning)??;
        Ok(Self { transaction, claim, relay: Arc::clone(relay), trace })
    }

    /// Tells of the change, once it is committed.
    ///
    /// # Errors
    /// The manifest does not list the event, or it could not be written; the transaction is of no use any more.
    pub async fn emit<E: Event>(&self, event: &E) -> Result<(), DbErr> {
        if !self.relay.may_tell(E::KEY) {
            return Err(DbErr::Custom(format!("the manifest does not list {}", E::KEY)));
        }
        let stored = Stored::of(event, self.trace);
        let stored = stored.map_err(|error| DbErr::Custom(format!("write {}: {error}", E::KEY)))?;
        stored.insert(&self.transaction).await?;
        let relay = Arc::clone(&self.relay);
        self.transaction.after_commit(move || relay.tell(stored));
        Ok(())
    }

    /// Commits the change, its events and the reply, and returns the reply.
    ///
    /// # Errors
    /// Nothing has changed; or, where the connection was lost just then, nobody knows.
    pub async fn commit<T: Serialize, E>(self, reply: T) -> Result<T, HandlerError<E>> {
        if let Some(claim) = &self.claim {
            let text = serde_json::to_string(&reply).map_err(anyhow::Error::new)?;
            claim.store(&self.transaction, &text).await.map_err(anyhow::Error::new)?;
        }
        self.transaction.commit().await.map_err(anyhow::Error::new)?;
        Ok(reply)
    }
}

fn done_before(error: DbErr) -> BeginError {
    match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => BeginError::DoneBefore,
        _ => BeginError::Database(error),
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Tx {
    fn get_database_backend(&self) -> DbBackend {
        self.transaction.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.transaction.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.transaction.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.transaction.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.transaction.query_all_raw(statement).await
    }
}
