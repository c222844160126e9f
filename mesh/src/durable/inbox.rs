//! The reply of a request, stored in the transaction of its effect. A repeat gets the stored
//! reply before any handler runs, so the effect happens once.

use std::time::Duration;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use sea_orm::{
    ConnectionTrait, DbErr, ExprTrait,
    sea_query::{Expr, Query},
};
use sha2::{Digest, Sha256};

use super::schema::Inbox;
use crate::{deadline::unix_ms, envelope::Incoming, refusal::RefusalKind, refusal::Rejection};

/// How long a request is remembered.
pub(crate) const REQUESTS_KEPT: Duration = Duration::from_secs(24 * 3600);
/// How long an event is remembered.
pub(crate) const EVENTS_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// The scope of events: whoever tells them, their id is theirs alone.
const EVENTS: &str = "event";

/// What makes two messages the same, and what they ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Who asks: the user for whom, else the sending service.
    scope: String,
    contract: String,
    key: String,
    /// Of the body: the same key with another body is a mistake.
    fingerprint: String,
}

/// What is known of a message that came before.
#[derive(Debug)]
pub(crate) enum Known {
    /// Its effect has happened, and this was the reply.
    Reply(Bytes),
    /// The same key came with another body.
    OtherBody,
}

impl Claim {
    /// Of a request: by the caller's key, or by its own id.
    pub fn of_request(contract: &str, request: &Incoming, secret: &FingerprintKey) -> Self {
        let caller = request.head.caller.as_ref().map(|caller| caller.user_id.to_string());
        let own_id = || request.head.message_id.to_string();
        Self {
            scope: caller.unwrap_or_else(|| request.sender.clone()),
            contract: contract.to_owned(),
            key: request.head.key.clone().unwrap_or_else(own_id),
            fingerprint: secret.fingerprint(&request.body),
        }
    }

    /// Of an event, by its id.
    pub fn of_event(key: &str, request: &Incoming, secret: &FingerprintKey) -> Self {
        Self {
            scope: EVENTS.to_owned(),
            contract: key.to_owned(),
            key: request.head.message_id.to_string(),
            fingerprint: secret.fingerprint(&request.body),
        }
    }

    /// What is known of this message.
    pub async fn find(&self, db: &impl ConnectionTrait) -> Result<Option<Known>, DbErr> {
        let find = Query::select()
            .columns([Inbox::Fingerprint, Inbox::Reply])
            .from(Inbox::Table)
            .and_where(Expr::col(Inbox::Scope).eq(&self.scope))
            .and_where(Expr::col(Inbox::Contract).eq(&self.contract))
            .and_where(Expr::col(Inbox::Key).eq(&self.key))
            .to_owned();
        let Some(row) = db.query_one(&find).await? else { return Ok(None) };
        let fingerprint: String = row.try_get("", "fingerprint")?;
        if fingerprint != self.fingerprint {
            return Ok(Some(Known::OtherBody));
        }
        let reply: Option<String> = row.try_get("", "reply")?;
        Ok(reply.map(|reply| Known::Reply(reply.into())))
    }

    /// Takes the message's place, in the transaction of its effect. Who holds the same place in
    /// a transaction that is not over is waited for. An error of kind
    /// [`UniqueConstraintViolation`](sea_orm::SqlErr) means that it has been done.
    pub async fn take(&self, db: &impl ConnectionTrait) -> Result<(), DbErr> {
        let take = Query::insert()
            .into_table(Inbox::Table)
            .columns([
                Inbox::Scope,
                Inbox::Contract,
                Inbox::Key,
                Inbox::Fingerprint,
                Inbox::CreatedMs,
            ])
            .values_panic([
                self.scope.as_str().into(),
                self.contract.as_str().into(),
                self.key.as_str().into(),
                self.fingerprint.as_str().into(),
                unix_ms().cast_signed().into(),
            ])
            .to_owned();
        db.execute(&take).await.map(drop)
    }

    /// Stores the reply in the place taken before.
    pub async fn store(&self, db: &impl ConnectionTrait, reply: &str) -> Result<(), DbErr> {
        let store = Query::update()
            .table(Inbox::Table)
            .value(Inbox::Reply, reply)
            .and_where(Expr::col(Inbox::Scope).eq(&self.scope))
            .and_where(Expr::col(Inbox::Contract).eq(&self.contract))
            .and_where(Expr::col(Inbox::Key).eq(&self.key))
            .to_owned();
        db.execute(&store).await.map(drop)
    }
}

impl Known {
    /// What is answered to the repeat.
    pub fn answer(self) -> Result<Bytes, Rejection> {
        match self {
            Self::Reply(reply) => Ok(reply),
            Self::OtherBody => Err(Rejection::of_mesh(
                Rejection::KEY_REUSED,
                RefusalKind::Invalid,
                "this key was used for another request",
            )),
        }
    }
}

/// Forgets what is older than it need be remembered.
pub(crate) async fn forget_old(db: &impl ConnectionTrait) -> Result<u64, DbErr> {
    let before = |kept: Duration| {
        let kept = i64::try_from(kept.as_millis()).unwrap_or(i64::MAX);
        unix_ms().cast_signed() - kept
    };
    let is_event = || Expr::col(Inbox::Scope).eq(EVENTS);
    let old_event = is_event().and(Expr::col(Inbox::CreatedMs).lt(before(EVENTS_KEPT)));
    let old_request = is_event().not().and(Expr::col(Inbox::CreatedMs).lt(before(REQUESTS_KEPT)));
    let forget =
        Query::delete().from_table(Inbox::Table).cond_where(old_event.or(old_request)).to_owned();
    Ok(db.execute(&forget).await?.rows_affected())
}

/// What fingerprints are keyed with. A request may hold a password: whoever reads the table must
/// not be able to try passwords against its fingerprint.
#[derive(Clone)]
pub(crate) struct FingerprintKey(Hmac<Sha256>);

impl FingerprintKey {
    /// From a secret that all instances of the service know, and the database does not.
    pub fn from_secret(secret: &str) -> Self {
        // HMAC pads a key to its block with zeros.
        let mut block = [0; 64];
        block[..32].copy_from_slice(&Sha256::digest(secret));
        Self(<Hmac<Sha256> as KeyInit>::new(&block.into()))
    }

    fn fingerprint(&self, body: &[u8]) -> String {
        let code = self.0.clone().chain_update(body).finalize().into_bytes();
        code.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl std::fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FingerprintKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_differ_by_body_and_by_secret() {
        let (one, other) = (FingerprintKey::from_secret("a"), FingerprintKey::from_secret("b"));
        assert_eq!(one.fingerprint(b"x"), FingerprintKey::from_secret("a").fingerprint(b"x"));
        assert_ne!(one.fingerprint(b"x"), one.fingerprint(b"y"));
        assert_ne!(one.fingerprint(b"x"), other.fingerprint(b"x"));
    }
}
