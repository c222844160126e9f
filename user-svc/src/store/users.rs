//! Accounts.

use common_messages::user::{self, Role, Status};
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr,
    EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, SqlErr,
};
use uuid::Uuid;

use super::{key_of, now};
use crate::entity::users::{ActiveModel, Column, Entity, Model};

/// Characters of the longest name, as the contracts have it; an address may be longer.
const LONGEST_NAME: usize = 100;

/// An account to be made.
pub(crate) struct NewUser {
    email: String,
    pub(super) name: String,
    password_hash: String,
    role: Role,
}

/// What changes about an account.
#[derive(Default)]
pub(crate) struct Change {
    pub name: Option<String>,
    pub email: Option<String>,
    pub password_hash: Option<String>,
    pub role: Option<Role>,
    pub status: Option<Status>,
}

/// Which accounts to find.
#[derive(Debug, Default)]
pub(crate) struct Search {
    /// How the name begins.
    pub prefix: Option<String>,
    pub role: Option<Role>,
    pub status: Option<Status>,
    /// The last one of the page before.
    pub after: Option<SortKey>,
    pub limit: u64,
}

/// What the list is sorted by.
pub(crate) type SortKey = (String, Uuid);

/// Why an account was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    #[error("another account has this address")]
    EmailTaken,
    #[error(transparent)]
    Failed(DbErr),
}

/// The address is the only thing that must be unique, apart from ids, which are.
impl From<DbErr> for WriteError {
    fn from(error: DbErr) -> Self {
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => Self::EmailTaken,
            _ => Self::Failed(error),
        }
    }
}

impl From<WriteError> for mesh::HandlerError<user::UserError> {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::EmailTaken => Self::Refused(user::UserError::EmailTaken),
            WriteError::Failed(error) => error.into(),
        }
    }
}

impl NewUser {
    /// Without a name the person is called what stands before the @.
    pub fn new(email: &str, name: Option<&str>, password_hash: String, role: Role) -> Self {
        let before_at = email.rsplit_once('@').map_or(email, |(before, _)| before);
        let name = name.unwrap_or(before_at).trim();
        let name = name.chars().take(LONGEST_NAME).collect();
        Self { email: email.to_owned(), name, password_hash, role }
    }
}

/// Makes an account.
pub(crate) async fn insert(db: &impl ConnectionTrait, new: NewUser) -> Result<Model, WriteError> {
    let now = now();
    let row = ActiveModel {
        id: Set(Uuid::now_v7()),
        email_key: Set(key_of(&new.email)),
        email: Set(new.email),
        name_key: Set(key_of(&new.name)),
        name: Set(new.name),
        password_hash: Set(new.password_hash),
        role: Set(new.role.into()),
        status: Set(Status::Active.into()),
        created_at: Set(now),
        updated_at: Set(now),
        version: Set(1),
    };
    Ok(row.insert(db).await?)
}

/// The account with this id.
pub(crate) async fn find(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).one(db).await
}

/// The account with this address, in any case.
pub(crate) async fn find_by_email(
    db: &impl ConnectionTrait,
    email: &str,
) -> Result<Option<Model>, DbErr> {
    // No account has such a one, and PostgreSQL does not even take it for a text.
    if email.contains('\0') {
        return Ok(None);
    }
    Entity::find().filter(Column::EmailKey.eq(key_of(email))).one(db).await
}

/// The account with this id, which nobody else changes until the transaction is over.
pub(crate) async fn lock(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Model>, DbErr> {
    // On SQLite writers take turns anyhow.
    Entity::find_by_id(id).lock(LockType::NoKeyUpdate).one(db).await
}

/// The administrators, of whom nobody else makes or unmakes one until the transaction is over.
/// To be locked before any other account.
pub(crate) async fn lock_admins(db: &impl ConnectionTrait) -> Result<Vec<Model>, DbErr> {
    let admins = Entity::find().filter(Column::Role.eq(crate::entity::users::Role::Admin));
    admins.order_by_asc(Column::Id).lock(LockType::NoKeyUpdate).all(db).await
}

/// The accounts with these ids, in no order.
pub(crate) async fn find_several(
    db: &impl ConnectionTrait,
    ids: &[Uuid],
) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(Column::Id.is_in(ids.iter().copied())).all(db).await
}

/// Whether there is an administrator.
pub(crate) async fn has_admin(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let admins = Entity::find().filter(Column::Role.eq(crate::entity::users::Role::Admin));
    Ok(admins.limit(1).count(db).await? > 0)
}

/// Changes an account. `None` if there is none with this id.
pub(crate) async fn update(
    db: &impl ConnectionTrait,
    id: Uuid,
    change: Change,
) -> Result<Option<Model>, WriteError> {
    let mut update = Entity::update_many().filter(Column::Id.eq(id));
    if let Some(name) = change.name.as_deref().map(str::trim) {
        update = update.col_expr(Column::Name, Expr::value(name));
        update = update.col_expr(Column::NameKey, Expr::value(key_of(name)));
    }
    if let Some(email) = change.email {
        update = update.col_expr(Column::EmailKey, Expr::value(key_of(&email)));
        update = update.col_expr(Column::Email, Expr::value(email));
    }
    if let Some(hash) = change.password_hash {
        update = update.col_expr(Column::PasswordHash, Expr::value(hash));
    }
    if let Some(role) = change.role {
        update = update.col_expr(Column::Role, Expr::value(role.as_str()));
    }
    if let Some(status) = change.status {
        update = update.col_expr(Column::Status, Expr::value(status.as_str()));
    }
    let update = update
        .col_expr(Column::UpdatedAt, Expr::value(now()))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1));
    Ok(update.exec_with_returning(db).await?.pop())
}

/// A page of accounts in the order of their names.
pub(crate) async fn list(db: &impl ConnectionTrait, search: Search) -> Result<Vec<Model>, DbErr> {
    let mut query = Entity::find();
    if let Some(prefix) = search.prefix {
        query = query.filter(begins_with(&key_of(&prefix)));
    }
    if let Some(role) = search.role {
        query = query.filter(Column::Role.eq(crate::entity::users::Role::from(role)));
    }
    if let Some(status) = search.status {
        query = query.filter(Column::Status.eq(crate::entity::users::Status::from(status)));
    }
    if let Some((name_key, id)) = search.after {
        let same_name = Column::NameKey.eq(&name_key).and(Column::Id.gt(id));
        query = query.filter(Column::NameKey.gt(&name_key).or(same_name));
    }
    let sorted = query.order_by_asc(Column::NameKey).order_by_asc(Column::Id);
    sorted.limit(search.limit).all(db).await
}

/// A range rather than a LIKE: both kinds of database find it by the index, and no character
/// means anything but itself. U+10FFFF is no character, and sorts behind all that are.
fn begins_with(prefix: &str) -> Condition {
    let last = format!("{prefix}\u{10FFFF}");
    Condition::all().add(Column::NameKey.gte(prefix)).add(Column::NameKey.lte(last))
}
