//! Refresh tokens: each for one use.

use chrono::Duration;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait,
    QueryFilter, sea_query::Expr,
};
use uuid::Uuid;

use super::now;
use crate::entity::refresh_tokens::{ActiveModel, Column, Entity, Model};

/// For so long a token may be used once more: two tabs that refresh at once, an answer that was
/// lost on its way.
const FORGIVEN: Duration = Duration::seconds(10);

/// The token with this hash, used or not.
pub(crate) async fn find(db: &impl ConnectionTrait, hash: &[u8]) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(hash.to_vec()).one(db).await
}

/// Keeps a token of a session, given out in the place of another one if `replaces` says so.
pub(crate) async fn add(
    db: &impl ConnectionTrait,
    session_id: Uuid,
    hash: Vec<u8>,
    replaces: Option<Vec<u8>>,
) -> Result<(), DbErr> {
    let token = ActiveModel {
        hash: Set(hash),
        session_id: Set(session_id),
        created_at: Set(now()),
        replaced_at: Set(None),
        replaces: Set(replaces),
    };
    Entity::insert(token).exec_without_returning(db).await.map(drop)
}

/// Uses a token up; the session must be locked. Says whether another one may be given out in its
/// place: if it was unused; or if it was used just now and its successor has not been, which its
/// owner would have. Otherwise somebody has a copy.
pub(crate) async fn redeem(db: &impl ConnectionTrait, hash: &[u8]) -> Result<bool, DbErr> {
    let now = now();
    let used = Entity::update_many()
        .filter(Column::Hash.eq(hash))
        .filter(Column::ReplacedAt.is_null())
        .col_expr(Column::ReplacedAt, Expr::value(now))
        .exec(db)
        .await?;
    if used.rows_affected == 1 {
        return Ok(true);
    }
    let Some(token) = find(db, hash).await? else { return Ok(false) };
    if token.replaced_at.is_none_or(|at| at <= now - FORGIVEN) {
        return Ok(false);
    }
    let successors_used = Entity::find()
        .filter(Column::SessionId.eq(token.session_id))
        .filter(Column::Replaces.eq(hash))
        .filter(Column::ReplacedAt.is_not_null())
        .count(db)
        .await?;
    Ok(successors_used == 0)
}
