//! Accounts.

use chrono::{DateTime, Utc};
use common_messages::user;
use sea_orm::entity::prelude::*;

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// As it was written.
    pub email: String,
    /// Without regard to case; unique.
    pub email_key: String,
    pub name: String,
    /// Without regard to case, in the order of bytes.
    pub name_key: String,
    /// bcrypt's.
    pub password_hash: String,
    pub role: Role,
    pub status: Status,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// 1, and one more with each change.
    pub version: i64,
}

/// [`user::Role`] as the table has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub(crate) enum Role {
    #[sea_orm(string_value = "user")]
    User,
    #[sea_orm(string_value = "admin")]
    Admin,
}

/// [`user::Status`] as the table has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub(crate) enum Status {
    #[sea_orm(string_value = "active")]
    Active,
    #[sea_orm(string_value = "disabled")]
    Disabled,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// All of it, for its owner and for administrators.
impl From<Model> for user::User {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            name: row.name,
            email: Some(row.email),
            role: Some(row.role.into()),
            status: Some(row.status.into()),
            created_at: Some(row.created_at),
        }
    }
}

impl Model {
    /// The version, as events carry it.
    pub fn version(&self) -> u64 {
        self.version.cast_unsigned()
    }

    /// What everybody may see.
    pub fn public_part(self) -> user::User {
        let Self { id, name, .. } = self;
        user::User { id, name, email: None, role: None, status: None, created_at: None }
    }
}

impl From<user::Role> for Role {
    fn from(role: user::Role) -> Self {
        match role {
            user::Role::User => Self::User,
            user::Role::Admin => Self::Admin,
        }
    }
}

impl From<Role> for user::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::User => Self::User,
            Role::Admin => Self::Admin,
        }
    }
}

impl From<user::Status> for Status {
    fn from(status: user::Status) -> Self {
        match status {
            user::Status::Active => Self::Active,
            user::Status::Disabled => Self::Disabled,
        }
    }
}

impl From<Status> for user::Status {
    fn from(status: Status) -> Self {
        match status {
            Status::Active => Self::Active,
            Status::Disabled => Self::Disabled,
        }
    }
}
