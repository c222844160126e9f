//! Sessions and their refresh tokens.

use chrono::{DateTime, Duration, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, JoinType,
    QueryFilter, QuerySelect, RelationTrait,
};
use uuid::Uuid;

use super::now;
use crate::entity::{
    refresh_tokens,
    sessions::{ActiveModel, Column, Entity, Relation},
    users::{self, Status},
};

/// A session that is not used for so long has ended.
const IDLE: Duration = Duration::days(30);
/// However much it is used, it ends after so long.
const LONGEST: Duration = Duration::days(90);

/// Opens a session of an account, with its first refresh token, and forgets those of the
/// account's sessions that have ended. To be called in a transaction.
pub(crate) async fn open(
    db: &impl ConnectionTrait,
    id: Uuid,
    user: &users::Model,
    token_hash: Vec<u8>,
) -> Result<(), DbErr> {
    let now = now();
    let ended = Condition::all().add(Column::UserId.eq(user.id)).add(lasts(now).not());
    Entity::delete_many().filter(ended).exec(db).await?;
    let session = ActiveModel {
        id: Set(id),
        user_id: Set(user.id),
        role: Set(user.role),
        created_at: Set(now),
        last_used_at: Set(now),
    };
    Entity::insert(session).exec_without_returning(db).await?;
    let token = refresh_tokens::ActiveModel {
        hash: Set(token_hash),
        session_id: Set(id),
        created_at: Set(now),
        replaced_at: Set(None),
    };
    refresh_tokens::Entity::insert(token).exec_without_returning(db).await?;
    Ok(())
}

/// The status of the account whose session this is; `None` if the session has ended.
pub(crate) async fn standing(
    db: &impl ConnectionTrait,
    id: Uuid,
    user_id: Uuid,
) -> Result<Option<Status>, DbErr> {
    Entity::find_by_id(id)
        .filter(Column::UserId.eq(user_id))
        .filter(lasts(now()))
        .join(JoinType::InnerJoin, Relation::User.def())
        .select_only()
        .column(users::Column::Status)
        .into_tuple()
        .one(db)
        .await
}

/// The sessions that have not ended.
fn lasts(now: DateTime<Utc>) -> Condition {
    let used = Column::LastUsedAt.gt(now - IDLE);
    Condition::all().add(used).add(Column::CreatedAt.gt(now - LONGEST))
}
