//! Passwords: hashed slowly on purpose, so only a few at a time, and never on a thread that
//! others wait for.

use std::{sync::Arc, thread::available_parallelism};

use bcrypt::{non_truncating_hash, non_truncating_verify};
use common_messages::{Secret, user::UserError};
use mesh::{Deadline, HandlerError};
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout_at};

/// How many wait while every core is hashing; the next one is told to come again.
const WAITING: usize = 32;

/// Hashes and checks passwords, one on each core.
#[derive(Debug)]
pub(crate) struct Passwords {
    cost: u32,
    /// A place for each who waits or is being served.
    line: Arc<Semaphore>,
    /// A turn for each core.
    turns: Arc<Semaphore>,
}

/// Why there is no answer about a password.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PasswordError {
    /// The line is full, or the turn did not come before the deadline.
    #[error("too many passwords are waiting to be hashed")]
    TooBusy,
    /// Hashing itself failed.
    #[error("a password cannot be hashed")]
    Failed(#[from] anyhow::Error),
}

impl From<PasswordError> for HandlerError<UserError> {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::TooBusy => Self::Refused(UserError::TooBusy),
            PasswordError::Failed(error) => Self::Unexpected(error),
        }
    }
}

impl Passwords {
    /// `cost` is bcrypt's: one more takes twice as long.
    pub fn new(cost: u32) -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self::with_turns(cost, cores)
    }

    fn with_turns(cost: u32, turns: usize) -> Self {
        let line = Arc::new(Semaphore::new(turns + WAITING));
        Self { cost, line, turns: Arc::new(Semaphore::new(turns)) }
    }

    /// The hash to keep.
    pub async fn hash(
        &self,
        password: &Secret,
        deadline: Deadline,
    ) -> Result<String, PasswordError> {
        let (password, cost) = (password.clone(), self.cost);
        let hashed = self.in_turn(deadline, move || non_truncating_hash(password.expose(), cost));
        Ok(hashed.await?.map_err(anyhow::Error::new)?)
    }

    /// Whether it is the password that was hashed. Without a hash it is not, which takes just
    /// as long to say: who asks cannot tell whether there is such an account.
    pub async fn is_right(
        &self,
        password: &Secret,
        hash: Option<String>,
        deadline: Deadline,
    ) -> Result<bool, PasswordError> {
        if password.expose().len() > 71 {
            // None such is ever hashed, and bcrypt would cut it in silence.
            return Ok(false);
        }
        let hash = hash.unwrap_or_else(|| nobodys_hash(self.cost));
        let password = password.clone();
        let verified =
            self.in_turn(deadline, move || non_truncating_verify(password.expose(), &hash));
        Ok(verified.await?.map_err(anyhow::Error::new)?)
    }

    /// Runs `work` on a thread of its own when its turn comes. Once begun it keeps its turn until
    /// it is done, also when nobody waits for it any more.
    async fn in_turn<T: Send + 'static>(
        &self,
        deadline: Deadline,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let too_busy = PasswordError::TooBusy;
        let Ok(place) = Arc::clone(&self.line).try_acquire_owned() else { return Err(too_busy) };
        let waiting = timeout_at(deadline.instant(), Arc::clone(&self.turns).acquire_owned());
        let Ok(Ok(turn)) = waiting.await else { return Err(too_busy) };
        if deadline.has_passed() {
            return Err(too_busy);
        }
        let working = spawn_blocking(move || {
            let _until_done = (place, turn);
            work()
        });
        Ok(working.await.map_err(anyhow::Error::new)?)
    }
}

/// A hash that no password has, of the cost of all others.
fn nobodys_hash(cost: u32) -> String {
    let nothing = ".".repeat(53);
    format!("$2b${cost:02}${nothing}")
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use super::*;

    const COST: u32 = 4;

    fn soon() -> Deadline {
        Deadline::within(Duration::from_secs(5))
    }

    fn secret(text: &str) -> Secret {
        text.to_owned().into()
    }

    #[tokio::test]
    async fn only_the_right_password_is_right() {
        let passwords = Passwords::new(COST);
        let hash = passwords.hash(&secret("correct horse"), soon()).await.unwrap();
        assert!(hash.starts_with("$2b$04$"), "{hash}");
        for (tried, right) in [("correct horse", true), ("correct hors", false), ("", false)] {
            let told = passwords.is_right(&secret(tried), Some(hash.clone()), soon()).await;
            assert_eq!(told.unwrap(), right, "{tried}");
        }
    }

    #[tokio::test]
    async fn a_password_is_never_cut() {
        let passwords = Passwords::new(COST);
        let longest = "x".repeat(71);
        let hash = passwords.hash(&secret(&longest), soon()).await.unwrap();
        for (tried, right) in [(71, true), (72, false), (73, false), (500, false)] {
            let tried = secret(&"x".repeat(tried));
            let told = passwords.is_right(&tried, Some(hash.clone()), soon()).await;
            assert_eq!(told.unwrap(), right);
        }
        assert!(passwords.hash(&secret(&"x".repeat(72)), soon()).await.is_err());
    }

    #[tokio::test]
    async fn nobodys_hash_is_a_real_one_of_the_same_cost() {
        for cost in [4, 12] {
            let parts: bcrypt::HashParts = nobodys_hash(cost).parse().unwrap();
            assert_eq!(parts.get_cost(), cost);
        }
        let told = Passwords::new(COST).is_right(&secret("anything"), None, soon()).await;
        assert!(!told.unwrap());
    }

    #[tokio::test]
    async fn nobodys_password_takes_as_long_as_somebodys() {
        let passwords = Passwords::new(9);
        let hash = passwords.hash(&secret("correct horse"), soon()).await.unwrap();
        let wrong = secret("wrong horse");
        let took = async |hash: Option<String>| {
            let begun = std::time::Instant::now();
            passwords.is_right(&wrong, hash, soon()).await.unwrap();
            begun.elapsed()
        };
        // In turns, so that a busy machine slows both; the quickest were not disturbed.
        let (mut somebodys, mut nobodys) = (Duration::MAX, Duration::MAX);
        for _ in 0..12 {
            somebodys = somebodys.min(took(Some(hash.clone())).await);
            nobodys = nobodys.min(took(None).await);
        }
        let ratio = nobodys.as_secs_f64() / somebodys.as_secs_f64();
        assert!((0.67..1.5).contains(&ratio), "{nobodys:?} and {somebodys:?}");
    }

    /// Somebody who is being served until the returned sender is dropped.
    async fn occupy(passwords: &Arc<Passwords>) -> mpsc::Sender<()> {
        let (until, hold) = mpsc::channel::<()>();
        let (begun, begins) = tokio::sync::oneshot::channel();
        let passwords = Arc::clone(passwords);
        tokio::spawn(async move {
            let work = move || {
                let _ = begun.send(());
                let _ = hold.recv();
            };
            passwords.in_turn(soon(), work).await
        });
        begins.await.unwrap();
        until
    }

    #[tokio::test]
    async fn whose_turn_does_not_come_before_the_deadline_is_told_so() {
        let passwords = Arc::new(Passwords::with_turns(COST, 1));
        let until = occupy(&passwords).await;
        let deadline = Deadline::within(Duration::from_millis(50));
        let told = passwords.hash(&secret("correct horse"), deadline).await;
        assert!(matches!(told, Err(PasswordError::TooBusy)));
        drop(until);
        passwords.hash(&secret("correct horse"), soon()).await.unwrap();
        let passed = Deadline::within(Duration::ZERO);
        let told = passwords.hash(&secret("correct horse"), passed).await;
        assert!(matches!(told, Err(PasswordError::TooBusy)), "work for nobody is not begun");
    }

    #[tokio::test]
    async fn a_full_line_refuses_at_once_and_serves_those_in_it() {
        let passwords = Arc::new(Passwords::with_turns(COST, 1));
        let until = occupy(&passwords).await;
        let in_line: Vec<_> = (0..WAITING)
            .map(|_| {
                let passwords = Arc::clone(&passwords);
                tokio::spawn(async move { passwords.hash(&secret("correct horse"), soon()).await })
            })
            .collect();
        while passwords.line.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let told = passwords.hash(&secret("correct horse"), soon()).await;
        assert!(matches!(told, Err(PasswordError::TooBusy)));
        drop(until);
        for served in in_line {
            served.await.unwrap().unwrap();
        }
        assert_eq!(passwords.line.available_permits(), 1 + WAITING);
    }
}
