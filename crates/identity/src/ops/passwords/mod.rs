//! Passwords: hashed and verified away from the async workers, at most as many at once as there are cores, so that a storm
//! of logins makes logins slow and nothing else.
//!
//! - An unknown user costs what a known one costs: its password is verified against a hash of nothing.
//! - A password verified a moment ago is not hashed again ([`verified`]); whatever else a login checks is checked each time.

mod change;
mod hash;
mod verified;
mod verify;

pub(crate) use change::expiry;
pub use change::{PasswordChange, change};
pub(crate) use hash::check_new;
pub(crate) use verify::{Checked, check};

use crate::{Refusal, config::PasswordConfig};
use kernel::{Clock, Error, Result, error::Doing};
use std::{
    num::NonZeroUsize,
    sync::{Arc, OnceLock},
};
use tokio::sync::Semaphore;
use verified::Verified;

pub struct Passwords {
    config: Arc<PasswordConfig>,
    gate: Arc<Semaphore>,
    /// A hash that no password has, made as others are made.
    nobody: Arc<OnceLock<String>>,
    verified: Verified,
    clock: Arc<dyn Clock>,
}

impl Passwords {
    pub fn new(config: &PasswordConfig, clock: Arc<dyn Clock>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            config: Arc::new(config.clone()),
            gate: Arc::new(Semaphore::new(cores)),
            nobody: Arc::default(),
            verified: Verified::new(config.verified_cache_seconds),
            clock,
        }
    }

    /// Hashes a new password or secret.
    pub async fn hash(&self, password: &str) -> Result<String> {
        let config = Arc::clone(&self.config);
        let password = password.to_owned();
        self.blocking(move || hash::hash(&config, password.as_bytes())).await?
    }

    /// Whether `password` is the one behind `stored`; without a stored hash it never is, and takes as long.
    pub async fn verify(&self, subject: &str, password: &str, stored: Option<&str>) -> Result<bool> {
        let key = stored.map(|stored| self.verified.key(subject, password, stored));
        if key.is_some_and(|key| self.verified.knows(&key, self.clock.monotonic())) {
            return Ok(true);
        }
        let (config, nobody) = (Arc::clone(&self.config), Arc::clone(&self.nobody));
        let (password, stored) = (password.to_owned(), stored.map(str::to_owned));
        let right = self
            .blocking(move || match &stored {
                Some(stored) => hash::verify(&config, password.as_bytes(), stored),
                None => {
                    let nobody = nobody.get_or_init(|| hash::hash(&config, b"nobody").unwrap_or_default());
                    hash::verify(&config, password.as_bytes(), nobody);
                    false
                }
            })
            .await?;
        if let (true, Some(key)) = (right, key) {
            self.verified.remember(key, self.clock.monotonic());
        }
        Ok(right)
    }

    /// Whether a password is among old hashes.
    pub async fn any_of(&self, password: &str, hashes: Vec<String>) -> Result<bool> {
        let (config, password) = (Arc::clone(&self.config), password.to_owned());
        self.blocking(move || hashes.iter().any(|old| hash::verify(&config, password.as_bytes(), old))).await
    }

    async fn blocking<R: Send + 'static>(&self, work: impl FnOnce() -> R + Send + 'static) -> Result<R> {
        let closed = |_| Error::internal("waiting to hash a password");
        let permit = Arc::clone(&self.gate).acquire_owned().await.map_err(closed)?;
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        task.await.doing("hashing a password")
    }
}

/// 400 if a password does not match the operator's pattern.
pub(crate) fn check_strength(config: &PasswordConfig, password: &str) -> Result<()> {
    let Some(pattern) = &config.regex else { return Ok(()) };
    // Python's re.match is bound to the beginning only.
    let Ok(pattern) = regex::Regex::new(&format!("^(?:{pattern})")) else {
        let text = "Password validation error: Unable to validate password due to invalid configuration.";
        return Err(Refusal::invalid(text).into());
    };
    if pattern.is_match(password) {
        return Ok(());
    }
    let detail = &config.regex_description;
    Err(Refusal::invalid(format!("The password does not match the requirements: {detail}.")).into())
}
