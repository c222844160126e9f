//! Tokens: access tokens that anybody can check by the public keys, and refresh tokens that mean
//! something to the database alone.

use std::sync::{Arc, PoisonError, RwLock};

use anyhow::{Context, Result};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::Utc;
use common_messages::{
    Secret,
    token::{Claims, ISSUER, KeySet},
    user::Role,
};
use jsonwebtoken::{
    Algorithm, Header, Validation, decode, decode_header, encode, errors::ErrorKind,
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::keys::Keyring;

/// Seconds by which clocks may differ.
pub(crate) const LEEWAY: u64 = 5;

/// The mint.
#[derive(Debug)]
pub(crate) struct Tokens {
    /// Replaced as a whole, when there is a new one.
    keys: RwLock<Arc<Keyring>>,
    lifetime: u64,
    validation: Validation,
}

/// Why an access token is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadToken {
    #[error("malformed")]
    Malformed,
    #[error("wrong type")]
    WrongType,
    #[error("wrong algorithm")]
    WrongAlgorithm,
    #[error("unknown key")]
    UnknownKey,
    #[error("wrong signature")]
    WrongSignature,
    #[error("a claim is missing or malformed")]
    WrongClaims,
    #[error("expired")]
    Expired,
    #[error("not valid yet")]
    NotYet,
    #[error("wrong issuer")]
    WrongIssuer,
    #[error("wrong audience")]
    WrongAudience,
}

impl Tokens {
    /// A mint whose access tokens last `lifetime` seconds. It tries itself out, so that a build
    /// that cannot sign does not start.
    pub fn new(keys: Keyring, lifetime: u64) -> Result<Self> {
        let keys = RwLock::new(Arc::new(keys));
        let tokens = Self { keys, lifetime, validation: validation() };
        let trial = tokens.mint(Uuid::nil(), Uuid::nil(), Role::User)?;
        tokens.read(trial.expose()).context("an access token made now is not good")?;
        Ok(tokens)
    }

    /// An access token for a session of a user.
    pub fn mint(&self, user: Uuid, session: Uuid, role: Role) -> Result<Secret> {
        let iat = u64::try_from(Utc::now().timestamp()).context("the clock is before 1970")?;
        let claims = Claims {
            sub: user,
            sid: session,
            role,
            iss: ISSUER.to_owned(),
            aud: ISSUER.to_owned(),
            exp: iat + self.lifetime,
            iat,
            jti: Uuid::now_v7(),
        };
        let keys = self.keys();
        let (kid, key) = keys.signing();
        let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::EdDSA) };
        Ok(encode(&header, &claims, key).context("sign an access token")?.into())
    }

    /// What an access token says, if it is good.
    pub fn read(&self, token: &str) -> Result<Claims, BadToken> {
        let header = decode_header(token).map_err(|_| BadToken::Malformed)?;
        let is_jwt = header.typ.as_deref().is_some_and(|typ| typ.eq_ignore_ascii_case("JWT"));
        // Extensions that must be understood, and are not.
        if !is_jwt || header.crit.is_some() {
            return Err(BadToken::WrongType);
        }
        if header.alg != Algorithm::EdDSA {
            return Err(BadToken::WrongAlgorithm);
        }
        let keys = self.keys();
        let key = header.kid.as_deref().and_then(|kid| keys.verifying(kid));
        let key = key.ok_or(BadToken::UnknownKey)?;
        let read = decode::<Claims>(token, key, &self.validation);
        read.map(|token| token.claims).map_err(|error| why(error.kind()))
    }

    /// Seconds that an access token lasts.
    pub fn lifetime(&self) -> u64 {
        self.lifetime
    }

    /// The public keys by which anybody can read access tokens.
    pub fn public_keys(&self) -> KeySet {
        self.keys().public().clone()
    }

    /// Signs and reads by these keys from now on.
    pub fn take(&self, keys: Keyring) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }

    fn keys(&self) -> Arc<Keyring> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn validation() -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[ISSUER]);
    validation.leeway = LEEWAY;
    validation.validate_nbf = true;
    validation
}

fn why(kind: &ErrorKind) -> BadToken {
    match kind {
        ErrorKind::InvalidSignature => BadToken::WrongSignature,
        ErrorKind::ExpiredSignature => BadToken::Expired,
        ErrorKind::ImmatureSignature => BadToken::NotYet,
        ErrorKind::InvalidIssuer => BadToken::WrongIssuer,
        ErrorKind::InvalidAudience => BadToken::WrongAudience,
        ErrorKind::InvalidAlgorithm => BadToken::WrongAlgorithm,
        ErrorKind::MissingRequiredClaim(_)
        | ErrorKind::InvalidClaimFormat(_)
        | ErrorKind::Json(_) => BadToken::WrongClaims,
        _ => BadToken::Malformed,
    }
}

/// A refresh token: 256 random bits, of which only a digest is kept. It has so many that the
/// digest needs no salt and no slowness.
pub(crate) struct RefreshToken([u8; 32]);

impl RefreshToken {
    /// Draws one.
    pub fn draw() -> Self {
        Self(rand::random())
    }

    /// As its owner gets it.
    pub fn to_secret(&self) -> Secret {
        URL_SAFE_NO_PAD.encode(self.0).into()
    }

    /// What is kept of it: SHA-256 of its text.
    pub fn digest(&self) -> Vec<u8> {
        digest(self.to_secret().expose())
    }
}

/// What is kept of the refresh token with this text.
pub(crate) fn digest(text: &str) -> Vec<u8> {
    Sha256::digest(text).to_vec()
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::EncodingKey;
    use serde_json::{Value, json};

    use super::*;
    use crate::keys::{NewKey, tests::two_keys};

    struct Mint {
        tokens: Tokens,
        key: EncodingKey,
        header: Header,
        claims: Value,
    }

    /// A mint, and what a good token of its previous key consists of.
    fn mint() -> Mint {
        let (keys, previous) = two_keys();
        let now = Utc::now().timestamp();
        let claims = json!({
            "sub": Uuid::now_v7(), "sid": Uuid::now_v7(), "role": "user", "iss": "warren",
            "aud": "warren", "exp": now + 60, "iat": now, "jti": Uuid::now_v7(),
        });
        let key = EncodingKey::from_ed_der(&previous.private_key);
        let header = Header { kid: Some(previous.id), ..Header::new(Algorithm::EdDSA) };
        Mint { tokens: Tokens::new(keys, 600).unwrap(), key, header, claims }
    }

    impl Mint {
        fn read(&self) -> Result<Claims, BadToken> {
            self.tokens.read(&encode(&self.header, &self.claims, &self.key).unwrap())
        }

        fn with(mut self, claim: &str, value: Value) -> Self {
            self.claims[claim] = value;
            self
        }
    }

    #[test]
    fn a_minted_token_says_who_in_which_session_as_what_and_how_long() {
        let Mint { tokens, .. } = mint();
        let (user, session) = (Uuid::now_v7(), Uuid::now_v7());
        let token = tokens.mint(user, session, Role::Admin).unwrap();
        let claims = tokens.read(token.expose()).unwrap();
        assert_eq!((claims.sub, claims.sid, claims.role), (user, session, Role::Admin));
        assert_eq!(claims.exp - claims.iat, 600);
        let header = decode_header(token.expose()).unwrap();
        assert_eq!(header.kid.as_deref(), Some(tokens.keys().signing().0));
    }

    #[test]
    fn a_token_of_the_key_before_is_still_good() {
        mint().read().unwrap();
    }

    #[test]
    fn every_bad_claim_is_told() {
        let now = Utc::now().timestamp();
        for (claim, value, why) in [
            ("exp", json!(now - LEEWAY as i64 - 1), BadToken::Expired),
            ("exp", json!("soon"), BadToken::WrongClaims),
            ("exp", Value::Null, BadToken::WrongClaims),
            ("nbf", json!(now + 60), BadToken::NotYet),
            ("nbf", json!("later"), BadToken::WrongClaims),
            ("iss", json!("somebody"), BadToken::WrongIssuer),
            ("iss", Value::Null, BadToken::WrongClaims),
            ("aud", json!("somebody"), BadToken::WrongAudience),
            ("aud", json!(["somebody", "warren"]), BadToken::WrongClaims),
            ("aud", Value::Null, BadToken::WrongClaims),
            ("sub", json!("anna"), BadToken::WrongClaims),
            ("sub", Value::Null, BadToken::WrongClaims),
            ("sid", Value::Null, BadToken::WrongClaims),
            ("role", json!("emperor"), BadToken::WrongClaims),
        ] {
            let told = mint().with(claim, value.clone()).read();
            assert_eq!(told, Err(why), "{claim} {value}");
        }
    }

    #[test]
    fn a_clock_that_differs_a_little_is_forgiven() {
        let now = Utc::now().timestamp();
        mint().with("exp", json!(now - 2)).read().unwrap();
        mint().with("nbf", json!(now + 2)).read().unwrap();
    }

    #[test]
    fn a_header_that_is_not_ours_is_told() {
        let changed = |change: fn(&mut Header)| {
            let mut mint = mint();
            change(&mut mint.header);
            mint.read().unwrap_err()
        };
        assert_eq!(changed(|h| h.typ = Some("at+jwt".into())), BadToken::WrongType);
        assert_eq!(changed(|h| h.typ = None), BadToken::WrongType);
        assert_eq!(changed(|h| h.crit = Some(vec!["exp".into()])), BadToken::WrongType);
        assert_eq!(changed(|h| h.kid = None), BadToken::UnknownKey);
        assert_eq!(changed(|h| h.kid = Some("elsewhere".into())), BadToken::UnknownKey);
    }

    #[test]
    fn a_token_of_somebody_elses_key_is_told() {
        let mut mint = mint();
        mint.key = EncodingKey::from_ed_der(&NewKey::draw().unwrap().private);
        assert_eq!(mint.read(), Err(BadToken::WrongSignature));
    }

    #[test]
    fn the_public_key_used_as_a_shared_secret_opens_nothing() {
        let Mint { tokens, header, claims, .. } = mint();
        let public = tokens.public_keys().keys.pop().unwrap();
        let key = EncodingKey::from_urlsafe_base64_secret(&format!("{}=", public.x)).unwrap();
        let header = Header { alg: Algorithm::HS256, ..header };
        let forged = encode(&header, &claims, &key).unwrap();
        assert_eq!(tokens.read(&forged), Err(BadToken::WrongAlgorithm));
    }

    #[test]
    fn a_changed_token_is_told() {
        let Mint { tokens, header, claims, key } = mint();
        let token = encode(&header, &claims, &key).unwrap();
        let [head, body, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
        let other = URL_SAFE_NO_PAD.encode(claims.to_string().replace("user", "admin"));
        for (changed, why) in [
            (String::new(), BadToken::Malformed),
            ("nonsense".to_owned(), BadToken::Malformed),
            (format!("{head}.{body}"), BadToken::Malformed),
            (format!("{token}.more"), BadToken::Malformed),
            (format!("{none}.{body}."), BadToken::Malformed),
            (format!("{head}.{body}.%%%"), BadToken::Malformed),
            (format!("{head}.{body}."), BadToken::WrongSignature),
            (format!("{head}.{other}.{signature}"), BadToken::WrongSignature),
        ] {
            assert_eq!(tokens.read(&changed), Err(why), "{changed}");
        }
    }

    #[test]
    fn a_refresh_token_is_long_unique_and_known_by_its_digest() {
        let (one, other) = (RefreshToken::draw(), RefreshToken::draw());
        assert_eq!(one.to_secret().expose().len(), 43, "256 bits");
        assert_ne!(one.digest(), other.digest());
        assert_eq!(one.digest(), digest(one.to_secret().expose()));
    }
}
