//! The way that orders have come.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder,
};
use uuid::Uuid;

use crate::entity::{
    order_history::{Column, Entity, Model},
    orders::{self, Status},
};

/// Writes the step by which `order` has become what it is.
pub(crate) async fn add(
    db: &impl ConnectionTrait,
    order: &orders::Model,
    from: Option<Status>,
    by: Uuid,
) -> Result<Model, DbErr> {
    let step = Model {
        order_id: order.id,
        version: order.version,
        from_status: from,
        to_status: order.status,
        at: order.updated_at,
        by_user: by,
    };
    step.into_active_model().insert(db).await
}

/// All steps of an order, oldest first: four at most, so they need no pages.
pub(crate) async fn of_order(db: &impl ConnectionTrait, id: Uuid) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(Column::OrderId.eq(id)).order_by_asc(Column::Version).all(db).await
}
