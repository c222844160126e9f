//! Signing keys.

use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait, QueryOrder, SqlErr};

use super::now;
use crate::{
    entity::signing_keys::{ActiveModel, Column, Entity, Model, State},
    keys::NewKey,
};

/// All keys, the newest first.
pub(crate) async fn list(db: &impl ConnectionTrait) -> Result<Vec<Model>, DbErr> {
    Entity::find().order_by_desc(Column::CreatedAt).all(db).await
}

/// Keeps a key as the one that signs. Says whether it is: there may be another one already.
pub(crate) async fn insert_current(db: &impl ConnectionTrait, key: NewKey) -> Result<bool, DbErr> {
    let row = ActiveModel {
        id: Set(key.id),
        private_key: Set(key.private),
        public_key: Set(key.public),
        state: Set(State::Current),
        created_at: Set(now()),
    };
    match Entity::insert(row).exec_without_returning(db).await {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
