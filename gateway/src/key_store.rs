//! The public keys of tokens, as user-svc gave them out: kept by name, asked for again when a
//! token names one that is not known.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use common_messages::token::KeySet;
use jsonwebtoken::DecodingKey;
use mesh::Failure;
use tokio::{sync::Mutex, time::Instant};

/// A token may name any key: not every stranger's token is worth a question.
const PAUSE: Duration = Duration::from_secs(3);
/// While user-svc cannot be asked, those who come within this time share one answer.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(250);
/// Longer than any token lives: a key that was taken back is forgotten.
const LONGEST_USE: Duration = Duration::from_secs(15 * 60);

/// The keys that are known.
#[derive(Debug, Default)]
pub struct KeyStore {
    known: RwLock<Known>,
    /// Held while somebody asks; the others wait for what becomes of it.
    last: Mutex<Option<Attempt>>,
}

#[derive(Debug, Default)]
struct Known {
    keys: HashMap<String, Arc<DecodingKey>>,
    since: Option<Instant>,
}

#[derive(Debug)]
struct Attempt {
    ended: Instant,
    failure: Option<Failure>,
}

impl KeyStore {
    /// The key with this name; `None` if there is none. `fetch` is called where it is not known,
    /// by one at a time and not too often.
    ///
    /// # Errors
    /// If the keys would have to be fetched, and cannot be.
    pub async fn find(
        &self,
        kid: &str,
        fetch: impl AsyncFnOnce() -> Result<KeySet, Failure>,
    ) -> Result<Option<Arc<DecodingKey>>, Failure> {
        if let Some(key) = self.get(kid) {
            return Ok(Some(key));
        }
        let mut last = self.last.lock().await;
        if let Some(key) = self.get(kid) {
            return Ok(Some(key));
        }
        match &*last {
            Some(Attempt { ended, failure: None }) if ended.elapsed() < PAUSE => return Ok(None),
            Some(Attempt { ended, failure: Some(failure) })
                if ended.elapsed() < PAUSE_AFTER_FAILURE =>
            {
                return Err(failure.clone());
            }
            _ => {}
        }
        let fetched = fetch().await;
        let failure = fetched.as_ref().err().cloned();
        *last = Some(Attempt { ended: Instant::now(), failure });
        self.replace(fetched?);
        Ok(self.get(kid))
    }

    fn get(&self, kid: &str) -> Option<Arc<DecodingKey>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let fresh = known.since.is_some_and(|since| since.elapsed() < LONGEST_USE);
        known.keys.get(kid).filter(|_| fresh).cloned()
    }

    /// Takes these instead of those that are known.
    pub fn replace(&self, set: KeySet) {
        let keys =
            set.keys.into_iter().filter_map(|key| match DecodingKey::from_ed_components(&key.x) {
                Ok(read) => Some((key.kid, Arc::new(read))),
                Err(error) => {
                    tracing::error!(kid = %key.kid, %error, "a public key that cannot be read");
                    None
                }
            });
        let known = Known { keys: keys.collect(), since: Some(Instant::now()) };
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use common_messages::token::PublicKey;
    use futures::future::join_all;
    use mesh::FailureKind;

    use super::*;

    fn set(kid: &str) -> KeySet {
        let key = PublicKey {
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            kid: kid.to_owned(),
            // RFC 8037, appendix A.2.
            x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".to_owned(),
            alg: "EdDSA".to_owned(),
            usage: "sig".to_owned(),
        };
        KeySet { keys: vec![key] }
    }

    /// user-svc, which counts how often it is asked and takes its time.
    struct Source(Cell<u32>);

    impl Source {
        async fn answer<T>(&self, answer: T) -> T {
            self.0.set(self.0.get() + 1);
            tokio::time::sleep(Duration::from_millis(10)).await;
            answer
        }
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_need_a_key_at_once_ask_once() {
        let (store, source) = (KeyStore::default(), Source(Cell::new(0)));
        let find = || store.find("a", async || source.answer(Ok(set("a"))).await);
        for found in join_all((0..20).map(|_| find())).await {
            assert!(found.unwrap().is_some());
        }
        assert_eq!(source.0.get(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn unknown_names_do_not_make_it_ask_and_ask() {
        let (store, source) = (KeyStore::default(), Source(Cell::new(0)));
        for kid in ["b", "c", "d"] {
            let found = store.find(kid, async || source.answer(Ok(set("a"))).await).await;
            assert!(found.unwrap().is_none());
        }
        assert_eq!(source.0.get(), 1);
        tokio::time::advance(PAUSE).await;
        let found = store.find("b", async || source.answer(Ok(set("b"))).await).await;
        assert!(found.unwrap().is_some(), "a new key is found after the pause");
        assert!(store.get("a").is_none(), "and one that was taken back is forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_shared_and_soon_tried_again() {
        let (store, source) = (KeyStore::default(), Source(Cell::new(0)));
        let failure = Failure::new(FailureKind::NoResponder, "user-svc", "nobody");
        let find = || store.find("a", async || source.answer(Err(failure.clone())).await);
        for found in join_all((0..20).map(|_| find())).await {
            assert_eq!(found.unwrap_err(), failure);
        }
        assert_eq!(source.0.get(), 1);
        tokio::time::advance(PAUSE_AFTER_FAILURE).await;
        let found = store.find("a", async || source.answer(Ok(set("a"))).await).await;
        assert!(found.unwrap().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn old_keys_are_asked_for_again() {
        let (store, source) = (KeyStore::default(), Source(Cell::new(0)));
        store.find("a", async || source.answer(Ok(set("a"))).await).await.unwrap();
        tokio::time::advance(LONGEST_USE).await;
        let found = store.find("a", async || source.answer(Ok(set("b"))).await).await;
        assert!(found.unwrap().is_none());
    }
}
