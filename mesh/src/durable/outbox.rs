//! Events, written in the transaction of the change that they tell of.

use sea_orm::{
    ConnectionTrait, DbErr, ExprTrait, FromQueryResult, Order,
    sea_query::{Expr, Query},
};
use uuid::Uuid;

use super::schema::Outbox;
use crate::{contract::Event, deadline::unix_ms, trace::TraceContext};

/// Events that one look at the table brings.
pub(crate) const BATCH: u64 = 256;

/// An event that must be told.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub(crate) struct Stored {
    pub id: Uuid,
    pub key: String,
    pub aggregate: Uuid,
    pub version: i64,
    pub traceparent: String,
    pub body: String,
    pub attempts: i32,
}

impl Stored {
    /// The event as it is stored.
    pub fn of<E: Event>(event: &E, trace: TraceContext) -> Result<Self, serde_json::Error> {
        Ok(Self {
            id: Uuid::now_v7(),
            key: E::KEY.to_owned(),
            aggregate: event.aggregate(),
            version: event.version().cast_signed(),
            traceparent: trace.child().to_string(),
            body: serde_json::to_string(event)?,
            attempts: 0,
        })
    }

    /// Writes it.
    pub async fn insert(&self, db: &impl ConnectionTrait) -> Result<(), DbErr> {
        let now = unix_ms().cast_signed();
        let insert = Query::insert()
            .into_table(Outbox::Table)
            .columns([
                Outbox::Id,
                Outbox::Key,
                Outbox::Aggregate,
                Outbox::Version,
                Outbox::Traceparent,
                Outbox::Body,
                Outbox::CreatedMs,
                Outbox::NextMs,
            ])
            .values_panic([
                self.id.into(),
                self.key.as_str().into(),
                self.aggregate.into(),
                self.version.into(),
                self.traceparent.as_str().into(),
                self.body.as_str().into(),
                now.into(),
                // Its writer has this long to tell it; then it is anybody's.
                (now + TAKE_OVER_MS).into(),
            ])
            .to_owned();
        db.execute(&insert).await.map(drop)
    }
}

/// An event that its writer has not told after so long is told by the holder of the lease.
const TAKE_OVER_MS: i64 = 5_000;
/// Waits between tries of an event that the broker does not take: 1, 2, 4 … 30 s.
const LONGEST_WAIT_MS: i64 = 30_000;

/// Events that are due: their writer has not told them, or the broker has not taken them.
pub(crate) async fn due(db: &impl ConnectionTrait) -> Result<Vec<Stored>, DbErr> {
    let due = Query::select()
        .columns([
            Outbox::Id,
            Outbox::Key,
            Outbox::Aggregate,
            Outbox::Version,
            Outbox::Traceparent,
            Outbox::Body,
            Outbox::Attempts,
        ])
        .from(Outbox::Table)
        .and_where(Expr::col(Outbox::NextMs).lte(unix_ms().cast_signed()))
        .order_by(Outbox::Seq, Order::Asc)
        .limit(BATCH)
        .to_owned();
    let rows = db.query_all(&due).await?;
    rows.iter().map(|row| Stored::from_query_result(row, "")).collect()
}

/// Takes out what has been told.
pub(crate) async fn remove(db: &impl ConnectionTrait, ids: Vec<Uuid>) -> Result<(), DbErr> {
    let remove = Query::delete()
        .from_table(Outbox::Table)
        .and_where(Expr::col(Outbox::Id).is_in(ids))
        .to_owned();
    db.execute(&remove).await.map(drop)
}

/// Puts off what the broker has not taken.
pub(crate) async fn put_off(db: &impl ConnectionTrait, event: &Stored) -> Result<(), DbErr> {
    let doubled = 1_000_i64 << Ord::clamp(event.attempts, 0, 10);
    let wait = Ord::min(doubled, LONGEST_WAIT_MS);
    let put_off = Query::update()
        .table(Outbox::Table)
        .value(Outbox::Attempts, Expr::col(Outbox::Attempts).add(1))
        .value(Outbox::NextMs, unix_ms().cast_signed() + wait)
        .and_where(Expr::col(Outbox::Id).eq(event.id))
        .to_owned();
    db.execute(&put_off).await.map(drop)
}
