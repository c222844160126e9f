//! Signing keys.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    SqlErr, sea_query::Expr,
};

use super::now;
use crate::{
    entity::signing_keys::{ActiveModel, Column, Entity, Model, State},
    keys::NewKey,
};

/// All keys, the newest first.
pub(crate) async fn list(db: &impl ConnectionTrait) -> Result<Vec<Model>, DbErr> {
    Entity::find().order_by_desc(Column::CreatedAt).all(db).await
}

/// Whether there is a key that signs.
pub(crate) async fn has_current(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    Ok(Entity::find().filter(Column::State.eq(State::Current)).one(db).await?.is_some())
}

/// Keeps a key as the one that signs. Says whether it is: there may be another one already, and
/// on PostgreSQL a transaction is of no use then.
pub(crate) async fn insert_current(db: &impl ConnectionTrait, key: NewKey) -> Result<bool, DbErr> {
    let row = ActiveModel {
        id: Set(key.id),
        private_key: Set(key.private),
        public_key: Set(key.public),
        state: Set(State::Current),
        created_at: Set(now()),
        retired_at: Set(None),
    };
    match Entity::insert(row).exec_without_returning(db).await {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Lets the key that signs sign no more, if it was made before `before`.
pub(crate) async fn retire(db: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<(), DbErr> {
    let retired = Entity::update_many()
        .filter(Column::State.eq(State::Current))
        .filter(Column::CreatedAt.lte(before))
        .col_expr(Column::State, Expr::value(State::Previous))
        .col_expr(Column::RetiredAt, Expr::value(now()));
    retired.exec(db).await.map(drop)
}

/// Forgets the keys that were retired before `before`.
pub(crate) async fn forget(db: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<(), DbErr> {
    let old = Entity::delete_many()
        .filter(Column::State.eq(State::Previous))
        .filter(Column::RetiredAt.lte(before));
    old.exec(db).await.map(drop)
}
