//! Keys, replicated with everything else.
//!
//! ```text
//!   staged ──rotate──▶ primary ──rotate──▶ secondary ──nothing sealed with it is valid any more──▶ gone
//! ```
//!
//! Sealing uses the primary, opening tries all. A key is staged for one rotation before anything is sealed with it, so that
//! a member whose state is a moment older can already open it.

use kernel::Timestamp;
use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};
use store::{Key, Object};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    Tokens,
    Credentials,
    /// Of secrets that other services keep (`ports::Sealer`).
    Secrets,
    /// Of tokens that are signed and not sealed.
    Signing,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyRing {
    pub purpose: Purpose,
    /// Staged first, then the primary, then secondaries, newest first.
    pub keys: Vec<RingKey>,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct RingKey {
    /// In base64url: the 32 octets of a Fernet key, or a P-256 key as PKCS #8.
    pub secret: String,
    pub created: Timestamp,
    /// When it became primary.
    pub primary_since: Option<Timestamp>,
    /// When it became secondary.
    pub retired: Option<Timestamp>,
}

impl fmt::Debug for RingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RingKey").field("created", &self.created).finish_non_exhaustive()
    }
}

impl Purpose {
    pub fn key(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Credentials => "credentials",
            Self::Secrets => "secrets",
            Self::Signing => "signing",
        }
    }
}

impl Object for KeyRing {
    const KIND: &'static str = "identity.keyring";
    fn key(&self) -> Key {
        self.purpose.key().into()
    }
}

impl RingKey {
    fn fresh(secret: String, now: Timestamp) -> Self {
        Self { secret, created: now, primary_since: None, retired: None }
    }
}

impl KeyRing {
    pub fn new(purpose: Purpose, secrets: [String; 2], now: Timestamp) -> Self {
        let [staged, primary] = secrets.map(|secret| RingKey::fresh(secret, now));
        Self { purpose, keys: vec![staged, RingKey { primary_since: Some(now), ..primary }] }
    }

    pub fn primary(&self) -> Option<&RingKey> {
        self.keys.get(1)
    }

    /// Makes the staged key primary and stages `secret`.
    pub fn rotate(&mut self, secret: String, now: Timestamp) {
        if let Some(primary) = self.keys.get_mut(1) {
            primary.retired = Some(now);
        }
        if let Some(staged) = self.keys.get_mut(0) {
            staged.primary_since = Some(now);
        }
        self.keys.insert(0, RingKey::fresh(secret, now));
    }

    /// Drops secondaries that have been out of use for `keep`; true if there were any.
    pub fn drop_retired(&mut self, keep: Duration, now: Timestamp) -> bool {
        let before = self.keys.len();
        self.keys.retain(|key| key.retired.is_none_or(|at| now.since(at) <= keep));
        self.keys.len() != before
    }

    pub fn due(&self, age: Duration, now: Timestamp) -> bool {
        self.primary().and_then(|key| key.primary_since).is_none_or(|since| now.since(since) >= age)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_lives_as_staged_primary_secondary() {
        let at = Timestamp::from_secs;
        let mut ring = KeyRing::new(Purpose::Tokens, ["b".into(), "a".into()], at(0));
        let secrets = |ring: &KeyRing| ring.keys.iter().map(|k| k.secret.clone()).collect::<Vec<_>>().concat();
        assert_eq!(ring.primary().unwrap().secret, "a");
        assert!(!ring.due(Duration::from_secs(10), at(9)) && ring.due(Duration::from_secs(10), at(10)));
        ring.rotate("c".into(), at(10));
        assert_eq!((ring.primary().unwrap().secret.as_str(), secrets(&ring).as_str()), ("b", "cba"));
        assert!(!ring.drop_retired(Duration::from_secs(5), at(15)), "tokens of a may still be valid");
        assert!(ring.drop_retired(Duration::from_secs(5), at(16)));
        assert_eq!(secrets(&ring), "cb");
        assert!(!format!("{ring:?}").contains("secret"));
    }
}
