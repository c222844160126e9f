//! The refresh tokens of sessions, the replaced ones too.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// A refresh token.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refresh_tokens")]
pub(crate) struct Model {
    /// SHA-256 of its text.
    #[sea_orm(primary_key, auto_increment = false)]
    pub hash: Vec<u8>,
    pub session_id: Uuid,
    pub created_at: DateTime<Utc>,
    /// When it was used, and another one given out in its place.
    pub replaced_at: Option<DateTime<Utc>>,
    /// The hash of the one in whose place it was given out; the first of a session has none.
    pub replaces: Option<Vec<u8>>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
