//! Sessions: opened, used, ended.

use chrono::{DateTime, Duration, Utc};
use common_messages::user::RevocationReason;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, JoinType,
    QueryFilter, QueryOrder, QuerySelect, RelationTrait, sea_query::Expr,
};
use uuid::Uuid;

use super::now;
use crate::entity::{
    sessions::{ActiveModel, Column, Entity, Model, Relation},
    users::{self, Status},
};

/// A session that is not used for so long has ended.
const IDLE: Duration = Duration::days(30);
/// However much it is used, it ends after so long.
const LONGEST: Duration = Duration::days(90);
/// A session is remembered for so long after its end: no access token lasts longer.
const REMEMBERED: Duration = Duration::days(1);

/// Which sessions to end.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Which {
    /// This one.
    One(Uuid),
    /// All of this account. Its row must be locked, so that two who do it take turns.
    AllOf(Uuid),
    /// All of the account but one. Its row must be locked here, too.
    OthersOf { user: Uuid, but: Uuid },
}

impl Which {
    fn condition(self) -> Condition {
        match self {
            Self::One(id) => Condition::all().add(Column::Id.eq(id)),
            Self::AllOf(user) => Condition::all().add(Column::UserId.eq(user)),
            Self::OthersOf { user, but } => {
                Condition::all().add(Column::UserId.eq(user)).add(Column::Id.ne(but))
            }
        }
    }
}

/// Opens a session of an account, and forgets those of the account's sessions that have ended.
/// To be called in a transaction.
pub(crate) async fn open(
    db: &impl ConnectionTrait,
    id: Uuid,
    user: &users::Model,
) -> Result<(), DbErr> {
    let now = now();
    let ended = Condition::all().add(Column::UserId.eq(user.id)).add(lasts(now - REMEMBERED).not());
    Entity::delete_many().filter(ended).exec(db).await?;
    let session = ActiveModel {
        id: Set(id),
        user_id: Set(user.id),
        role: Set(user.role),
        created_at: Set(now),
        last_used_at: Set(now),
        revoked_at: Set(None),
        revocation_reason: Set(None),
    };
    Entity::insert(session).exec_without_returning(db).await.map(drop)
}

/// Notes that a session is used, and keeps others from changing it until the transaction is
/// over. `None` if it has ended.
pub(crate) async fn touch(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Model>, DbErr> {
    let now = now();
    let touched = Entity::update_many()
        .filter(Column::Id.eq(id))
        .filter(is_open(now))
        .col_expr(Column::LastUsedAt, Expr::value(now))
        .exec_with_returning(db)
        .await?;
    Ok(touched.into_iter().next())
}

/// Ends sessions before their time; returns those that had not ended yet.
pub(crate) async fn revoke(
    db: &impl ConnectionTrait,
    which: Which,
    reason: RevocationReason,
) -> Result<Vec<Model>, DbErr> {
    let now = now();
    Entity::update_many()
        .filter(which.condition())
        .filter(is_open(now))
        .col_expr(Column::RevokedAt, Expr::value(now))
        .col_expr(Column::RevocationReason, Expr::value(word(reason)))
        .exec_with_returning(db)
        .await
}

/// The sessions that were ended before their time since `since`, and when; the latest first,
/// `limit` at most.
pub(crate) async fn revoked_since(
    db: &impl ConnectionTrait,
    since: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<(Uuid, DateTime<Utc>)>, DbErr> {
    Entity::find()
        .filter(Column::RevokedAt.gt(since))
        .order_by_desc(Column::RevokedAt)
        .limit(limit)
        .select_only()
        .columns([Column::Id, Column::RevokedAt])
        .into_tuple()
        .all(db)
        .await
}

/// The status of the account whose session this is; `None` if the session has ended.
pub(crate) async fn standing(
    db: &impl ConnectionTrait,
    id: Uuid,
    user_id: Uuid,
) -> Result<Option<Status>, DbErr> {
    Entity::find_by_id(id)
        .filter(Column::UserId.eq(user_id))
        .filter(is_open(now()))
        .join(JoinType::InnerJoin, Relation::User.def())
        .select_only()
        .column(users::Column::Status)
        .into_tuple()
        .one(db)
        .await
}

/// The sessions that have not ended.
fn is_open(now: DateTime<Utc>) -> Condition {
    lasts(now).add(Column::RevokedAt.is_null())
}

/// The sessions whose time has not come.
fn lasts(now: DateTime<Utc>) -> Condition {
    let used = Column::LastUsedAt.gt(now - IDLE);
    Condition::all().add(used).add(Column::CreatedAt.gt(now - LONGEST))
}

/// The reason as the table has it.
fn word(reason: RevocationReason) -> &'static str {
    match reason {
        RevocationReason::Logout => "logout",
        RevocationReason::TokenReused => "token_reused",
        RevocationReason::PasswordChanged => "password_changed",
        RevocationReason::Disabled => "disabled",
        RevocationReason::RoleChanged => "role_changed",
        RevocationReason::Other => "other",
    }
}
