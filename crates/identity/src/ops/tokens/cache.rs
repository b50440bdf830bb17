//! Tokens validated before, by the SHA-256 of their text.
//!
//! An entry counts only while no object of any kind that a validation looks at has changed ([`Stamps`]); the comparison is of
//! addresses, so it is exact, at once, and costs less than a lookup. When something has changed the payload is still good (a
//! token's text never means something else), and only what it stands for is looked up again.
//!
//! Beside a token lies what a client is told about it, once somebody asked: written anew when a kind that the catalog is
//! made of has changed ([`Catalog`]), so that a service behind keystonemiddleware costs us a copy of a pointer.

use super::Token;
use crate::model::{
    AccessRule, AccessToken, ApplicationCredential, Assignment, Endpoint, EndpointGroup, KeyRing, Membership, Project,
    ProjectEndpoint, ProjectEndpointGroup, Revocation, Role, Service, ServiceProvider, Trust, User, token::Payload,
};
use bytes::Bytes;
use kernel::{Credentials, Result};
use parking_lot::{Mutex, RwLock};
use sha2::{Digest, Sha256};
use std::{collections::HashMap, sync::Arc};
use store::{Snapshot, Stamp};

pub type Hash = [u8; 32];

/// Entries of a generation; about 2 KiB each, 6 where somebody asked about the token.
const FULL: usize = 4096;

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
    written: Mutex<Option<(Catalog, Bytes)>>,
}

/// The states of all kinds that a token's catalog is made of.
#[derive(Clone, PartialEq)]
pub struct Catalog([Stamp; 6]);

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

impl Catalog {
    fn of(view: &Snapshot) -> Self {
        Self([
            view.stamp::<Service>(),
            view.stamp::<Endpoint>(),
            view.stamp::<EndpointGroup>(),
            view.stamp::<ProjectEndpoint>(),
            view.stamp::<ProjectEndpointGroup>(),
            view.stamp::<ServiceProvider>(),
        ])
    }
}

impl Entry {
    pub fn new(payload: Arc<Payload>, token: Token, stamps: Stamps) -> Self {
        let credentials = Arc::new(token.credentials());
        Self { payload, token, credentials, stamps, written: Mutex::default() }
    }

    /// What `write` makes of this token and the catalog in `view`, which must be all that it looks at.
    pub fn written(&self, view: &Snapshot, write: impl FnOnce() -> Result<Bytes>) -> Result<Bytes> {
        let catalog = Catalog::of(view);
        if let Some((_, body)) = self.written.lock().as_ref().filter(|(of, _)| *of == catalog) {
            return Ok(body.clone());
        }
        let body = write()?;
        *self.written.lock() = Some((catalog, body.clone()));
        Ok(body)
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
