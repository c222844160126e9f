//! Access tokens: what stands in them, and the keys by which anybody can check them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::user::Role;

/// Who issues tokens, and whom they are for: the system itself.
pub const ISSUER: &str = "warren";

/// The claims of an access token (JWT, EdDSA).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct Claims {
    /// The user.
    pub sub: Uuid,
    /// The session, by which the token can be revoked.
    pub sid: Uuid,
    /// The user's role when the token was issued.
    pub role: Role,
    /// Always [`ISSUER`].
    pub iss: String,
    /// Always [`ISSUER`].
    pub aud: String,
    /// When it ends, Unix seconds.
    pub exp: u64,
    /// When it was issued, Unix seconds.
    pub iat: u64,
    /// The token's own id.
    pub jti: Uuid,
}

/// The public keys by which tokens are checked (RFC 7517).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct KeySet {
    /// The keys; the first signs new tokens.
    pub keys: Vec<PublicKey>,
}

/// One Ed25519 key (RFC 8037).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct PublicKey {
    /// Always `OKP`.
    pub kty: String,
    /// Always `Ed25519`.
    pub crv: String,
    /// The key's name, as in a token's header.
    pub kid: String,
    /// The key itself, base64url.
    pub x: String,
    /// Always `EdDSA`.
    pub alg: String,
    /// Always `sig`.
    #[serde(rename = "use")]
    pub usage: String,
}
