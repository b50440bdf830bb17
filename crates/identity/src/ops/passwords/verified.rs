//! Which passwords were found right a moment ago.
//!
//! Kept is HMAC-SHA-256 of (user, password, stored hash) under a key that lives as long as the process, and until when:
//! without that key, memory of this table tells nothing about a password. A changed password has another stored hash, so no
//! entry needs to be dropped for a change to count at once. The threat this leaves: who reads this process's memory can test
//! guesses at the speed of HMAC for as long as entries live, and the same reader would find the tokens too.

use hmac::{Hmac, Mac};
use parking_lot::Mutex;
use rand::RngCore;
use sha2::Sha256;
use std::{collections::HashMap, time::Duration};

pub(super) type Key = [u8; 32];

pub(super) struct Verified {
    secret: [u8; 32],
    ttl: Duration,
    generations: Mutex<Generations>,
}

/// Entries are written to the young; when it is full it becomes the old one, and what was old is forgotten.
#[derive(Default)]
struct Generations {
    young: HashMap<Key, Duration>,
    old: HashMap<Key, Duration>,
}

const FULL: usize = 4096;

impl Verified {
    pub(super) fn new(seconds: u64) -> Self {
        let mut secret = [0; 32];
        rand::rng().fill_bytes(&mut secret);
        Self { secret, ttl: Duration::from_secs(seconds), generations: Mutex::default() }
    }

    pub(super) fn key(&self, subject: &str, password: &str, stored: &str) -> Key {
        let mut mac = match Hmac::<Sha256>::new_from_slice(&self.secret) {
            Ok(mac) => mac,
            Err(_) => unreachable!("HMAC takes keys of any length"),
        };
        for part in [subject, password, stored] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes().into()
    }

    pub(super) fn knows(&self, key: &Key, now: Duration) -> bool {
        let generations = self.generations.lock();
        let until = generations.young.get(key).or_else(|| generations.old.get(key));
        until.is_some_and(|until| now < *until)
    }

    pub(super) fn remember(&self, key: Key, now: Duration) {
        if self.ttl.is_zero() {
            return;
        }
        let mut generations = self.generations.lock();
        if generations.young.len() >= FULL {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(key, now + self.ttl);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_for_a_while_and_only_what_was_verified() {
        let table = Verified::new(10);
        let key = table.key("ann", "pw", "hash1");
        table.remember(key, Duration::from_secs(5));
        assert!(table.knows(&key, Duration::from_secs(14)));
        assert!(!table.knows(&key, Duration::from_secs(15)));
        for (user, password, stored) in
            [("bob", "pw", "hash1"), ("ann", "pW", "hash1"), ("ann", "pw", "hash2"), ("annp", "w", "hash1")]
        {
            assert!(
                !table.knows(&table.key(user, password, stored), Duration::from_secs(6)),
                "{user} {password} {stored}"
            );
        }
        let off = Verified::new(0);
        let key = off.key("ann", "pw", "hash1");
        off.remember(key, Duration::ZERO);
        assert!(!off.knows(&key, Duration::ZERO));
    }

    #[test]
    fn stays_bounded() {
        let table = Verified::new(10);
        for i in 0..3 * FULL {
            table.remember(table.key("u", &i.to_string(), "h"), Duration::ZERO);
        }
        let generations = table.generations.lock();
        assert!(generations.young.len() + generations.old.len() <= 2 * FULL);
    }
}
