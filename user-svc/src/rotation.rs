//! When signing keys are replaced. Every instance looks from time to time: one of them makes the
//! new key, all take it. The one before is kept until the last token that it has signed has ended.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use mesh::database::Database;
use tokio::{task::JoinHandle, time::sleep};

use crate::{
    config::AccountsConfig,
    entity::signing_keys::{Model, State},
    keys::{Keyring, NewKey},
    store::{keys, now},
    tokens::{LEEWAY, Tokens},
};

/// How often an instance looks. A token of a key that it does not know makes it look at once.
const EVERY: Duration = Duration::from_secs(60);

/// When a key is replaced, and how long the one before is still needed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    /// The age at which a key is replaced.
    age: TimeDelta,
    /// How long the replaced one is kept.
    kept: TimeDelta,
}

impl Rule {
    /// As the configuration has it.
    pub fn of(config: &AccountsConfig) -> Self {
        // Instances that have not looked yet sign by the old key a little longer.
        let last_token = Duration::from_secs(config.access_token_seconds + LEEWAY) + 2 * EVERY;
        Self {
            age: TimeDelta::days(config.signing_key_days.into()),
            kept: TimeDelta::from_std(last_token).unwrap_or(TimeDelta::MAX),
        }
    }

    fn is_retired(&self, key: &Model, now: DateTime<Utc>) -> bool {
        key.state == State::Previous && key.retired_at.is_none_or(|at| at <= now - self.kept)
    }

    fn is_old(&self, key: &Model, now: DateTime<Utc>) -> bool {
        key.state == State::Current && key.created_at <= now - self.age
    }

    /// Whether there is something to do about these keys.
    fn is_broken_by(&self, rows: &[Model], now: DateTime<Utc>) -> bool {
        let none_signs = rows.iter().all(|key| key.state != State::Current);
        none_signs || rows.iter().any(|key| self.is_retired(key, now) || self.is_old(key, now))
    }
}

/// The keys as they are.
pub(crate) async fn read(database: &Database, rule: Rule) -> Result<Keyring> {
    let mut rows = keys::list(database.read()).await?;
    let now = now();
    rows.retain(|key| !rule.is_retired(key, now));
    Keyring::of(rows)
}

/// The keys as they should be: makes the first one, replaces an old one, forgets what is needed
/// no more. Of instances that do it together one succeeds, and all take its key.
pub(crate) async fn look_after(database: &Database, rule: Rule) -> Result<Keyring> {
    if rule.is_broken_by(&keys::list(database.read()).await?, now()) {
        replace(database, rule).await?;
    }
    read(database, rule).await
}

async fn replace(database: &Database, rule: Rule) -> Result<()> {
    let (key, now) = (NewKey::draw()?, now());
    let change = database.begin().await?;
    keys::forget(&change, now - rule.kept).await?;
    keys::retire(&change, now - rule.age).await?;
    if !keys::has_current(&change).await? {
        let id = key.id.clone();
        if !keys::insert_current(&change, key).await? {
            // Another instance was quicker.
            return Ok(());
        }
        tracing::info!(key = id, "made a signing key");
    }
    Ok(change.commit().await?)
}

/// Looks after the keys for as long as it is held.
#[derive(Debug)]
pub(crate) struct Upkeep(JoinHandle<()>);

impl Upkeep {
    /// Begins; `tokens` take every new key.
    pub fn start(database: Database, rule: Rule, tokens: Arc<Tokens>) -> Self {
        Self(tokio::spawn(async move {
            loop {
                sleep(EVERY).await;
                match look_after(&database, rule).await {
                    Ok(keys) => tokens.take(keys),
                    Err(error) => tracing::warn!("cannot look after the signing keys: {error:#}"),
                }
            }
        }))
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.0.abort();
    }
}
