//! Access tokens, verified here: with user-svc's public keys, without asking it.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use common_messages::{
    token::{Claims, ISSUER, KeySet},
    user::Role,
};
use jsonwebtoken::{Algorithm, Validation, errors::ErrorKind};
use mesh::{Caller, Failure};
use moka::sync::Cache;
use sha2::{Digest, Sha256};

use crate::{key_store::KeyStore, revoked::Revoked};

/// Clocks may differ by this many seconds.
const LEEWAY: u64 = 5;
/// A token is some 500 bytes long. Longer than this it is not even read.
const LONGEST: usize = 8192;

/// Who a good token speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What the mesh is told.
    pub caller: Caller,
    /// The role when the token was issued.
    pub role: Role,
    /// When it ends, Unix seconds.
    exp: u64,
}

/// Why a token is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenError {
    /// It is not good, and why.
    Bad(&'static str),
    /// It was good once.
    Expired,
    /// Its session has ended before its time.
    Revoked,
    /// Nobody can say: the keys cannot be had.
    Unverifiable(Failure),
}

/// Verifies tokens, and remembers the good ones.
#[derive(Debug)]
pub struct Tokens {
    keys: KeyStore,
    rules: Validation,
    /// By the token's SHA-256: who can read this memory gets no tokens out of it.
    verified: Cache<[u8; 32], Arc<Verified>>,
    revoked: Revoked,
}

impl Tokens {
    /// Remembers at most `capacity` tokens.
    pub fn new(capacity: u32) -> Self {
        let verified = Cache::new(capacity.into());
        Self { keys: KeyStore::default(), rules: rules(), verified, revoked: Revoked::default() }
    }

    /// Takes the public keys as they are now.
    pub fn keep(&self, keys: KeySet) {
        self.keys.replace(keys);
    }

    /// The sessions whose tokens are not accepted.
    pub fn revoked(&self) -> &Revoked {
        &self.revoked
    }

    /// Who `token` speaks for. `fetch` gets the public keys where they are not known.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub async fn verify(
        &self,
        token: &str,
        fetch: impl AsyncFnOnce() -> Result<KeySet, Failure>,
    ) -> Result<Arc<Verified>, TokenError> {
        if token.len() > LONGEST {
            return Err(TokenError::Bad("the access token is too long"));
        }
        let digest = Sha256::digest(token).into();
        if let Some(verified) = self.verified.get(&digest) {
            return self.still_good(verified);
        }
        let verified = Arc::new(self.check(token, fetch).await?);
        self.verified.insert(digest, Arc::clone(&verified));
        self.still_good(verified)
    }

    /// What may have changed since the signature was found to be right.
    fn still_good(&self, verified: Arc<Verified>) -> Result<Arc<Verified>, TokenError> {
        if verified.has_ended() {
            return Err(TokenError::Expired);
        }
        match self.revoked.contains(verified.caller.session_id) {
            true => Err(TokenError::Revoked),
            false => Ok(verified),
        }
    }

    async fn check(
        &self,
        token: &str,
        fetch: impl AsyncFnOnce() -> Result<KeySet, Failure>,
    ) -> Result<Verified, TokenError> {
        let header = jsonwebtoken::decode_header(token)
            .map_err(|_| TokenError::Bad("the access token is no JWT that can be used here"))?;
        if header.alg != Algorithm::EdDSA || header.typ.as_deref() != Some("JWT") {
            return Err(TokenError::Bad("the access token is not signed with EdDSA"));
        }
        let kid = header.kid.ok_or(TokenError::Bad("the access token does not name its key"))?;
        let key = self.keys.find(&kid, fetch).await.map_err(TokenError::Unverifiable)?;
        let key = key.ok_or(TokenError::Bad("the access token names an unknown key"))?;
        let read = jsonwebtoken::decode::<Claims>(token, &key, &self.rules);
        Ok(Verified::from(read.map_err(|error| why(error.kind()))?.claims))
    }
}

impl Verified {
    fn has_ended(&self) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        now > self.exp + LEEWAY
    }
}

impl From<Claims> for Verified {
    fn from(claims: Claims) -> Self {
        let caller = Caller {
            user_id: claims.sub,
            role: claims.role.as_str().to_owned(),
            session_id: claims.sid,
        };
        Self { caller, role: claims.role, exp: claims.exp }
    }
}

/// jsonwebtoken checks issuer and audience only where they stand in the token, and forgives a
/// minute, unless it is told otherwise.
fn rules() -> Validation {
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    rules.set_issuer(&[ISSUER]);
    rules.set_audience(&[ISSUER]);
    rules.leeway = LEEWAY;
    rules.validate_nbf = true;
    rules
}

fn why(error: &ErrorKind) -> TokenError {
    TokenError::Bad(match error {
        ErrorKind::ExpiredSignature => return TokenError::Expired,
        ErrorKind::InvalidSignature => "the access token's signature is wrong",
        ErrorKind::InvalidIssuer => "the access token was issued by somebody else",
        ErrorKind::InvalidAudience => "the access token is meant for somebody else",
        ErrorKind::ImmatureSignature => "the access token is not good yet",
        _ => "the access token cannot be read",
    })
}
