//! Tokens validated before, by the SHA-256 of their text.
//!
//! An entry counts only while no object of any kind that a validation looks at has changed ([`Stamps`]); the comparison is of
//! addresses, so it is exact, at once, and costs less than a lookup. When something has changed the payload is still good (a
//! token's text never means something else), and only what it stands for is looked up again.

use super::Token;
use crate::model::{
    AccessRule, AccessToken, ApplicationCredential, Assignment, KeyRing, Membership, Project, Revocation, Role, Trust,
    User, token::Payload,
};
use kernel::Credentials;
use parking_lot::RwLock;
use sha2::{Digest, Sha256};
use std::{collections::HashMap, sync::Arc};
use store::{Snapshot, Stamp};

pub type Hash = [u8; 32];

/// Entries of a generation; about 2 KiB each.
const FULL: usize = 8192;

#[derive(Default)]
pub struct TokenCache(RwLock<Generations>);

/// Entries are written to the young; when it is full it becomes the old one, and what was old is forgotten.
#[derive(Default)]
struct Generations {
    young: HashMap<Hash, Arc<Entry>>,
    old: HashMap<Hash, Arc<Entry>>,
}

pub struct Entry {
    pub payload: Arc<Payload>,
    pub token: Token,
    pub credentials: Arc<Credentials>,
    stamps: Stamps,
}

/// The states of all kinds that a validation looks at.
#[derive(Clone, PartialEq)]
pub struct Stamps {
    objects: [Stamp; 11],
    /// A key that is gone takes its tokens with it.
    keys: Stamp,
}

impl Stamps {
    pub fn of(view: &Snapshot) -> Self {
        let objects = [
            view.stamp::<User>(),
            view.stamp::<Project>(),
            view.stamp::<Membership>(),
            // A group that is being deleted counts for nothing.
            view.stamp::<crate::model::Group>(),
            view.stamp::<Role>(),
            view.stamp::<Assignment>(),
            view.stamp::<ApplicationCredential>(),
            view.stamp::<AccessRule>(),
            view.stamp::<Revocation>(),
            view.stamp::<Trust>(),
            view.stamp::<AccessToken>(),
        ];
        Self { objects, keys: view.stamp::<KeyRing>() }
    }
}

impl Entry {
    pub fn new(payload: Arc<Payload>, token: Token, stamps: Stamps) -> Self {
        let credentials = Arc::new(token.credentials());
        Self { payload, token, credentials, stamps }
    }

    pub fn is_current(&self, stamps: &Stamps) -> bool {
        self.stamps == *stamps
    }

    /// Whether the key it was opened with is certainly still there.
    pub fn same_keys(&self, stamps: &Stamps) -> bool {
        self.stamps.keys == stamps.keys
    }
}

impl TokenCache {
    pub fn hash(token: &str) -> Hash {
        Sha256::digest(token).into()
    }

    pub fn get(&self, hash: &Hash) -> Option<Arc<Entry>> {
        let generations = self.0.read();
        generations.young.get(hash).or_else(|| generations.old.get(hash)).cloned()
    }

    pub fn put(&self, hash: Hash, entry: Arc<Entry>) {
        let mut generations = self.0.write();
        if generations.young.len() >= FULL {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(hash, entry);
    }
}
