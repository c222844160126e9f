//! Orders.

use chrono::{DateTime, Utc};
use common_messages::{
    Money,
    order::{OrderError, OrderStatus, PlaceOrder},
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait,
    ExprTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, Select, SqlErr,
};
use uuid::Uuid;

use super::{history, now};
use crate::{
    entity::{
        order_history,
        orders::{ActiveModel, Column, Entity, Model, Status},
    },
    reference,
};

/// Whose orders somebody may see. To others they do not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// This user's.
    Of(Uuid),
    /// Everybody's: for administrators.
    Anybodys,
}

/// Which orders of one user to find.
#[derive(Debug)]
pub(crate) struct Search {
    pub user_id: Uuid,
    pub status: Option<OrderStatus>,
    /// The last one of the page before.
    pub after: Option<SortKey>,
    pub limit: u64,
}

/// What lists are sorted by.
pub(crate) type SortKey = (DateTime<Utc>, Uuid);

/// Why an order was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    #[error("another order of this user has this reference")]
    ReferenceTaken,
    #[error(transparent)]
    Failed(DbErr),
}

/// The reference is the only thing that must be unique, apart from ids, which are.
impl From<DbErr> for WriteError {
    fn from(error: DbErr) -> Self {
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => Self::ReferenceTaken,
            _ => Self::Failed(error),
        }
    }
}

impl From<WriteError> for mesh::HandlerError<OrderError> {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::ReferenceTaken => Self::Refused(OrderError::ReferenceTaken),
            WriteError::Failed(error) => error.into(),
        }
    }
}

/// Makes an order of `owner`, and the first step of its way. To be called in a transaction.
pub(crate) async fn insert(
    db: &impl ConnectionTrait,
    owner: Uuid,
    order: PlaceOrder,
    total: Money,
) -> Result<Model, WriteError> {
    let now = now();
    let row = ActiveModel {
        id: Set(Uuid::now_v7()),
        user_id: Set(owner),
        product: Set(order.product),
        description: Set(order.description),
        quantity: Set(order.quantity.cast_signed()),
        price_minor: Set(order.price.minor()),
        total_minor: Set(total.minor()),
        currency: Set(order.currency),
        reference: Set(order.reference.unwrap_or_else(reference::draw)),
        status: Set(Status::Pending),
        created_at: Set(now),
        updated_at: Set(now),
        version: Set(1),
    };
    let row = row.insert(db).await?;
    history::add(db, &row, None, owner).await?;
    Ok(row)
}

/// An order, or `None` if there is none *or it is somebody else's*.
pub(crate) async fn find(
    db: &impl ConnectionTrait,
    whose: Whose,
    id: Uuid,
) -> Result<Option<Model>, DbErr> {
    seen(whose, id).one(db).await
}

/// The same in a transaction that changes it: until the transaction is over nobody else does.
/// On SQLite nobody else writes anyway.
pub(crate) async fn lock(
    db: &impl ConnectionTrait,
    whose: Whose,
    id: Uuid,
) -> Result<Option<Model>, DbErr> {
    seen(whose, id).lock_exclusive().one(db).await
}

fn seen(whose: Whose, id: Uuid) -> Select<Entity> {
    let order = Entity::find_by_id(id);
    match whose {
        Whose::Of(owner) => order.filter(Column::UserId.eq(owner)),
        Whose::Anybodys => order,
    }
}

/// Brings an order that was locked a step further. Returns it as it is now, and the step.
pub(crate) async fn step(
    db: &impl ConnectionTrait,
    order: Model,
    to: OrderStatus,
    by: Uuid,
) -> Result<(Model, order_history::Model), DbErr> {
    let (from, version) = (order.status, order.version + 1);
    let mut row = order.into_active_model();
    row.status = Set(to.into());
    row.updated_at = Set(now());
    row.version = Set(version);
    let order = row.update(db).await?;
    let step = history::add(db, &order, Some(from), by).await?;
    Ok((order, step))
}

/// A page of a user's orders, newest first.
pub(crate) async fn list_for_user(
    db: &impl ConnectionTrait,
    search: Search,
) -> Result<Vec<Model>, DbErr> {
    let mut query = Entity::find().filter(Column::UserId.eq(search.user_id));
    if let Some(status) = search.status {
        query = query.filter(Column::Status.eq(Status::from(status)));
    }
    if let Some((created_at, id)) = search.after {
        let same_time = Column::CreatedAt.eq(created_at).and(Column::Id.lt(id));
        query = query.filter(Column::CreatedAt.lt(created_at).or(same_time));
    }
    let sorted = query.order_by_desc(Column::CreatedAt).order_by_desc(Column::Id);
    sorted.limit(search.limit).all(db).await
}
