//! Users, their passwords and what is remembered of failed logins.

use super::{Extra, Field, Fields, Options, extra};
use kernel::{DomainId, ProjectId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{fmt, sync::Arc, time::Duration};
use store::{Index, IndexSink, Key, Object, Snapshot, Unique};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct User {
    pub id: UserId,
    pub name: String,
    pub domain: DomainId,
    pub enabled: bool,
    pub default_project: Option<ProjectId>,
    #[serde(default)]
    pub options: Options,
    #[serde(default)]
    pub extra: Extra,
    /// Oldest first; the last is in force.
    #[serde(default)]
    pub passwords: Vec<Password>,
    #[serde(default)]
    pub failures: Failures,
    pub created: Timestamp,
    #[serde(default)]
    pub last_active: Option<Timestamp>,
    #[serde(default)]
    pub deleting: bool,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Password {
    /// `None`: this user has no password any more, and none opens the account.
    pub hash: Option<String>,
    pub created: Timestamp,
    pub expires: Option<Timestamp>,
    /// Set by the user, not by an administrator.
    pub self_service: bool,
}

/// Wrong passwords since the last right one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Failures {
    pub count: u32,
    pub last: Option<Timestamp>,
}

/// When failed logins lock an account, and for how long. Zero attempts: never.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lockout {
    pub attempts: u32,
    pub duration: Duration,
}

pub const BY_DOMAIN: Index<User> = Index::new(0);
pub const BY_DEFAULT_PROJECT: Index<User> = Index::new(1);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Password")
            .field("created", &self.created)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

impl Object for User {
    const KIND: &'static str = "identity.user";
    const INDEXES: &'static [&'static str] = &["domain", "default_project"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(BY_DOMAIN, &self.domain);
        if let Some(project) = &self.default_project {
            sink.add(BY_DEFAULT_PROJECT, project);
        }
    }
}

impl User {
    pub fn name_space(domain: &str) -> String {
        format!("identity.user/{domain}")
    }

    pub fn option(&self, name: &str) -> bool {
        self.options.get(name) == Some(&Value::Bool(true))
    }

    pub fn password(&self) -> Option<&Password> {
        self.passwords.last()
    }

    pub fn password_hash(&self) -> Option<&str> {
        self.password()?.hash.as_deref()
    }

    pub fn password_expires(&self) -> Option<Timestamp> {
        self.password()?.expires
    }

    pub fn password_expired(&self, now: Timestamp) -> bool {
        !self.option("ignore_password_expiry") && self.password_expires().is_some_and(|at| now >= at)
    }

    /// Puts a password in force; `keep` earlier ones stay for the history.
    pub fn set_password(&mut self, mut password: Password, keep: usize) {
        let drop = self.passwords.len().saturating_sub(keep);
        self.passwords.drain(..drop);
        for old in &mut self.passwords {
            old.expires = Some(old.expires.map_or(password.created, |at| at.min(password.created)));
        }
        if self.option("ignore_password_expiry") {
            password.expires = None;
        }
        self.passwords.push(password);
    }

    pub fn locked(&self, lockout: Lockout, now: Timestamp) -> bool {
        if lockout.attempts == 0
            || self.failures.count < lockout.attempts
            || self.option("ignore_lockout_failure_attempts")
        {
            return false;
        }
        lockout.duration.is_zero() || self.failures.last.is_none_or(|last| now < last.plus(lockout.duration))
    }

    /// Enabled, and not asleep for `inactive_days` (zero: any time).
    pub fn active(&self, inactive_days: u32, now: Timestamp) -> bool {
        let limit = Duration::from_secs(u64::from(inactive_days) * 86_400);
        let asleep = now.since(self.last_active.unwrap_or(self.created));
        self.enabled && (limit.is_zero() || asleep < limit || self.option("ignore_user_inactivity"))
    }
}

impl Fields for User {
    fn id(&self) -> &str {
        &self.id
    }
    fn field(&self, name: &str) -> Option<Field<'_>> {
        Some(match name {
            "id" => Field::text(&self.id),
            "name" => Field::text(&self.name),
            "domain_id" => Field::text(&self.domain),
            "enabled" => Field::Flag(self.enabled),
            "default_project_id" => Field::maybe(self.default_project.as_deref()),
            other => return extra(&self.extra, other),
        })
    }
}

pub fn find(view: &Snapshot, id: &str) -> Option<Arc<User>> {
    view.get::<User>(id).filter(|u| !u.deleting)
}

pub fn named(view: &Snapshot, domain: &str, name: &str) -> Option<Arc<User>> {
    let claim = view.get::<Unique>(&Unique::id(&User::name_space(domain), name))?;
    find(view, &claim.owner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> User {
        serde_json::from_value(serde_json::json!({"id": "u", "name": "u", "domain": "d", "enabled": true,
            "default_project": null, "created": 0}))
        .unwrap()
    }

    fn password(created: i64, expires: Option<i64>) -> Password {
        let (created, expires) = (Timestamp::from_secs(created), expires.map(Timestamp::from_secs));
        Password { hash: Some(created.secs().to_string()), created, expires, self_service: false }
    }

    #[test]
    fn history_keeps_what_is_asked_and_ends_old_passwords() {
        let mut u = user();
        for at in 1..=4 {
            u.set_password(password(at, None), 2);
        }
        let kept: Vec<_> = u.passwords.iter().map(|p| (p.created.secs(), p.expires.map(Timestamp::secs))).collect();
        assert_eq!(kept, [(2, Some(3)), (3, Some(4)), (4, None)]);
        u.options.insert("ignore_password_expiry".into(), true.into());
        u.set_password(password(9, Some(10)), 0);
        assert_eq!(u.passwords.len(), 1);
        assert!(u.password_expires().is_none());
    }

    #[test]
    fn lockout_by_count_and_time() {
        let lockout = |attempts, secs| Lockout { attempts, duration: Duration::from_secs(secs) };
        let check = |count, last: i64, rule, now: i64, expect| {
            let mut u = user();
            u.failures = Failures { count, last: Some(Timestamp::from_secs(last)) };
            assert_eq!(u.locked(rule, Timestamp::from_secs(now)), expect, "{count} {last} {rule:?} {now}");
        };
        check(9, 10, lockout(0, 5), 10, false);
        check(1, 10, lockout(2, 5), 10, false);
        check(2, 10, lockout(2, 5), 14, true);
        check(2, 10, lockout(2, 5), 15, false);
        check(2, 10, lockout(2, 0), 1_000_000, true);
    }

    #[test]
    fn inactivity_disables() {
        let u = user();
        let day = 86_400;
        assert!(u.active(0, Timestamp::from_secs(400 * day)));
        assert!(u.active(2, Timestamp::from_secs(2 * day - 1)));
        assert!(!u.active(2, Timestamp::from_secs(2 * day)));
    }
}
