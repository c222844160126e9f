//! The keys that tokens are signed by. They live in the database, so that all instances have the
//! same; their public halves are for everybody.

use std::collections::HashMap;

use anyhow::{Context, Result};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use common_messages::token::{KeySet, PublicKey};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey,
    jwk::{AlgorithmParameters, Jwk},
};
use uuid::Uuid;

use crate::entity::signing_keys::{Model, State};

/// What stands before the 32 secret bytes of an Ed25519 key in PKCS #8 (RFC 8410, section 7).
const PKCS8: [u8; 16] = [48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32];

/// A new key: its two halves.
pub(crate) struct NewKey {
    /// Its name, which tokens carry.
    pub id: String,
    /// PKCS #8.
    pub private: Vec<u8>,
    /// 32 bytes.
    pub public: Vec<u8>,
}

impl NewKey {
    /// Draws a key.
    pub fn draw() -> Result<Self> {
        let private = [PKCS8.as_slice(), &rand::random::<[u8; 32]>()].concat();
        let public = public_half(&EncodingKey::from_ed_der(&private))?;
        Ok(Self { id: Uuid::now_v7().to_string(), private, public })
    }
}

fn public_half(private: &EncodingKey) -> Result<Vec<u8>> {
    let key = Jwk::from_encoding_key(private, Algorithm::EdDSA).context("read a signing key")?;
    let AlgorithmParameters::OctetKeyPair(pair) = key.algorithm else {
        anyhow::bail!("a signing key is not an Ed25519 key");
    };
    Ok(URL_SAFE_NO_PAD.decode(pair.x)?)
}

/// The keys: one that signs, and all by which a token may have been signed.
pub(crate) struct Keyring {
    signing: (String, EncodingKey),
    verifying: HashMap<String, DecodingKey>,
    public: KeySet,
}

impl Keyring {
    /// The keys in these rows, of which one must be the one that signs.
    pub fn of(mut rows: Vec<Model>) -> Result<Self> {
        rows.sort_by_key(|row| row.state != State::Current);
        let current = rows.first().filter(|row| row.state == State::Current);
        let current = current.context("there is no current signing key")?;
        let private = EncodingKey::from_ed_der(&current.private_key);
        Ok(Self {
            signing: (current.id.clone(), private),
            verifying: rows
                .iter()
                .map(|row| (row.id.clone(), DecodingKey::from_ed_der(&row.public_key)))
                .collect(),
            public: KeySet { keys: rows.iter().map(public).collect() },
        })
    }

    /// The key that signs now, and its name.
    pub fn signing(&self) -> (&str, &EncodingKey) {
        (&self.signing.0, &self.signing.1)
    }

    /// The public half of the key with this name.
    pub fn verifying(&self, id: &str) -> Option<&DecodingKey> {
        self.verifying.get(id)
    }

    /// What everybody may know of them.
    pub fn public(&self) -> &KeySet {
        &self.public
    }
}

/// The names only.
impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Keyring").field(&self.verifying.keys()).finish()
    }
}

fn public(row: &Model) -> PublicKey {
    PublicKey {
        kty: "OKP".to_owned(),
        crv: "Ed25519".to_owned(),
        kid: row.id.clone(),
        x: URL_SAFE_NO_PAD.encode(&row.public_key),
        alg: "EdDSA".to_owned(),
        usage: "sig".to_owned(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use chrono::Utc;

    use super::*;

    fn row(state: State) -> Model {
        let NewKey { id, private, public } = NewKey::draw().unwrap();
        let (created_at, retired_at) = (Utc::now(), None);
        Model { id, private_key: private, public_key: public, state, created_at, retired_at }
    }

    /// A current key and the one before.
    pub(crate) fn two_keys() -> (Keyring, Model) {
        let previous = row(State::Previous);
        (Keyring::of(vec![previous.clone(), row(State::Current)]).unwrap(), previous)
    }

    #[test]
    fn the_public_half_belongs_to_the_private_one() {
        // RFC 8032, section 7.1, test 1.
        let hex = |text: &str| -> Vec<u8> {
            let byte = |i| u8::from_str_radix(&text[i..i + 2], 16).unwrap();
            (0..text.len()).step_by(2).map(byte).collect()
        };
        let secret = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
        let public = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        let private = EncodingKey::from_ed_der(&[PKCS8.as_slice(), &secret].concat());
        assert_eq!(public_half(&private).unwrap(), public);
    }

    #[test]
    fn the_current_key_is_shown_first_and_private_ones_never() {
        let (keys, previous) = two_keys();
        let shown = keys.public();
        assert_eq!(shown.keys[0].kid, keys.signing().0);
        assert_eq!(shown.keys[1].kid, previous.id);
        assert_eq!(shown.keys[0].x.len(), 43, "32 bytes");
        assert!(!format!("{keys:?}").contains("private"));
    }

    #[test]
    fn without_a_current_key_there_is_no_start() {
        assert!(Keyring::of(vec![row(State::Previous)]).is_err());
    }
}
