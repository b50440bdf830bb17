//! One login by password: the slow part outside, the decision and its bookkeeping in one transaction.
//!
//! ```text
//!   snapshot: the stored hash ─▶ hash (blocking, bounded) ─▶ transaction: account as it is *now* ─▶ outcome
//! ```
//!
//! Guesses made at once cannot slip under a lock-out: each is counted by a transaction that sees the ones before. A password
//! changed while it was being verified opens nothing.

use crate::{
    Identity,
    model::{User, user::Failures},
    ops::audit::Note,
};
use kernel::{Result, Timestamp};
use std::sync::Arc;
use store::Tx;

/// Stands in events for a user that there is none of; no id looks like it.
const NOBODY: &str = "unknown";

/// What became of a password.
pub(crate) enum Checked {
    Right(Arc<User>),
    /// Right, but good for nothing except to be changed.
    Expired(Arc<User>),
    /// For the log, never for the client.
    Wrong(&'static str),
}

pub(crate) async fn check(id: &Identity, user: Option<Arc<User>>, password: &str, note: Note) -> Result<Checked> {
    let stored = user.as_ref().and_then(|u| u.password_hash()).map(str::to_owned);
    let subject = user.as_ref().map_or("", |u| u.id.as_str());
    let right = id.passwords().verify(subject, password, stored.as_deref()).await?;
    // A user that is not there costs the same transaction too, and leaves its event.
    let user = user.map_or_else(|| NOBODY.to_owned(), |u| u.id.to_string());
    let attempt = Attempt { id: id.clone(), user, stored, right, now: id.now() };
    id.store()
        .transact("identity.login", move |tx| {
            let outcome = attempt.settle(tx);
            let (outcome_word, reason) = match &outcome {
                Checked::Right(_) => ("success", None),
                Checked::Expired(_) => ("failure", Some("password expired")),
                Checked::Wrong(why) => ("failure", Some(*why)),
            };
            note.login(tx, &attempt.user, outcome_word, reason)?;
            Ok(outcome)
        })
        .await
}

struct Attempt {
    id: Identity,
    user: String,
    stored: Option<String>,
    right: bool,
    now: Timestamp,
}

impl Attempt {
    fn settle(&self, tx: &mut Tx) -> Checked {
        let config = self.id.config();
        let Some(user) = tx.get::<User>(&self.user).filter(|u| !u.deleting) else {
            return Checked::Wrong("no such user");
        };
        if user.locked(config.lockout(), self.now) {
            return Checked::Wrong("account locked");
        }
        if user.password_hash() != self.stored.as_deref() {
            return Checked::Wrong("password changed meanwhile");
        }
        if !self.right {
            if config.lockout.failure_attempts > 0 {
                let count =
                    if user.failures.count >= config.lockout.failure_attempts { 0 } else { user.failures.count };
                let failures = Failures { count: count + 1, last: Some(self.now) };
                tx.put(User { failures, ..User::clone(&user) });
            }
            return Checked::Wrong("wrong password");
        }
        if !user.active(config.passwords.disable_after_inactive_days, self.now) {
            return Checked::Wrong("account disabled");
        }
        if user.password_expired(self.now) {
            return Checked::Expired(user);
        }
        Checked::Right(self.note_success(tx, user))
    }

    /// Forgets failures; notes the day of the login where inactivity counts. Otherwise writes nothing.
    fn note_success(&self, tx: &mut Tx, user: Arc<User>) -> Arc<User> {
        let day = |t: Timestamp| t.secs().div_euclid(86_400);
        let notes_days = self.id.config().passwords.disable_after_inactive_days > 0;
        let new_day = notes_days && user.last_active.map(day) != Some(day(self.now));
        if user.failures.count == 0 && !new_day {
            return user;
        }
        let last_active = if new_day { Some(self.now) } else { user.last_active };
        tx.put(User { failures: Failures::default(), last_active, ..User::clone(&user) })
    }
}
