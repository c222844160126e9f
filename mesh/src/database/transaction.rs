//! A change of several statements, of which all happen or none.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement,
};

use super::turns::{AfterCommit, Turn};

/// A transaction that writes. Dropped without [`commit`](Self::commit) it changes nothing.
///
/// On SQLite it holds the only connection that writes: nothing but its own statements may be
/// waited for within it.
pub struct Transaction {
    statements: Option<DatabaseTransaction>,
    /// Held on SQLite, where writers take turns.
    turn: Option<Turn>,
    after: Mutex<Vec<AfterCommit>>,
}

impl Transaction {
    pub(super) fn new(statements: DatabaseTransaction, turn: Option<Turn>) -> Self {
        Self { statements: Some(statements), turn, after: Mutex::default() }
    }

    /// Has something done once the change is durable, in the order of the commits where the
    /// database tells it. It must not block.
    pub(crate) fn after_commit(&self, then: impl FnOnce() + Send + Sync + 'static) {
        self.after.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(then));
    }

    /// Makes the change durable.
    ///
    /// # Errors
    /// Nothing has changed; or, where the connection was lost just then, nobody knows.
    pub async fn commit(mut self) -> Result<(), DbErr> {
        let after = std::mem::take(self.after.get_mut().unwrap_or_else(PoisonError::into_inner));
        if let Some(statements) = self.statements.take() {
            statements.commit().await?;
        }
        match self.turn.take() {
            Some(turn) => turn.finish(after).await,
            None => {
                after.into_iter().for_each(|then| then());
                Ok(())
            }
        }
    }

    /// Undoes it all, and waits until it is undone.
    ///
    /// # Errors
    /// The connection is gone, and the change with it.
    pub async fn rollback(mut self) -> Result<(), DbErr> {
        match self.statements.take() {
            Some(statements) => statements.rollback().await,
            None => Ok(()),
        }
    }

    fn statements(&self) -> Result<&DatabaseTransaction, DbErr> {
        self.statements.as_ref().ok_or_else(|| DbErr::Custom("it is over".to_owned()))
    }
}

/// A writer keeps its turn until its rollback is done: the next one would otherwise write into it.
impl Drop for Transaction {
    fn drop(&mut self) {
        let (statements, turn) = (self.statements.take(), self.turn.take());
        let (Some(statements), Ok(runtime)) = (statements, tokio::runtime::Handle::try_current())
        else {
            return;
        };
        runtime.spawn(async move {
            if let Err(error) = statements.rollback().await {
                tracing::warn!(%error, "a rollback failed");
            }
            drop(turn);
        });
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        let statements = self.statements.as_ref();
        statements.map_or(DbBackend::Sqlite, ConnectionTrait::get_database_backend)
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.statements()?.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.statements()?.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.statements()?.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.statements()?.query_all_raw(statement).await
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").field("open", &self.statements.is_some()).finish()
    }
}
