//! The keys that tokens are signed by.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// A key.
#[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "signing_keys")]
pub(crate) struct Model {
    /// Its name, which tokens carry.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// PKCS #8.
    pub private_key: Vec<u8>,
    /// 32 bytes.
    pub public_key: Vec<u8>,
    pub state: State,
    pub created_at: DateTime<Utc>,
    /// When another one took its place.
    pub retired_at: Option<DateTime<Utc>>,
}

/// What a key is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub(crate) enum State {
    /// It signs; there is one such.
    #[sea_orm(string_value = "current")]
    Current,
    /// It has signed what may still be good.
    #[sea_orm(string_value = "previous")]
    Previous,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The private half is not printed.
impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).field("state", &self.state).finish()
    }
}
