//! Tokens validated before, by the SHA-256 of their text.
//!
//! An entry counts only while no object of any kind that a validation looks at has changed ([`Resolved`]); the comparison is of
//! addresses, so it is exact, at once, and costs less than a lookup. When something has changed the payload is still good (a
//! token's text never means something else), and only what it stands for is looked up again.
//!
//! Beside a token lies what a client is told about it, once somebody asked: written anew when a kind that the catalog is
//! made of has changed ([`Catalog`]), so that a service behind keystonemiddleware costs us a copy of a pointer.

use super::Token;
use crate::model::{
    AccessRule, AccessToken, ApplicationCredential, Assignment, Endpoint, EndpointGroup, Group, KeyRing, Membership,
    Project, ProjectEndpoint, ProjectEndpointGroup, Revocation, Role, Service, ServiceProvider, Trust, User,
    token::Payload,
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
    resolved: Resolved,
    keys: Keys,
    written: Mutex<Option<(Catalog, Bytes)>>,
}

/// States of some kinds, side by side.
macro_rules! stamps {
    ($(#[$doc:meta])* $name:ident: $($kind:ty),* $(,)?) => {
        $(#[$doc])*
        pub struct $name(Vec<Stamp>);

        impl $name {
            pub fn of(view: &Snapshot) -> Self {
                Self(vec![$(view.stamp::<$kind>()),*])
            }

            pub fn is_current(&self, view: &Snapshot) -> bool {
                let mut stamps = self.0.iter();
                $(stamps.next().is_some_and(|stamp| view.is_at::<$kind>(stamp)))&&*
            }
        }
    };
}

stamps! {
    /// What a token's catalog is made of.
    Catalog: Service, Endpoint, EndpointGroup, ProjectEndpoint, ProjectEndpointGroup, ServiceProvider
}
stamps! {
    /// What a validation looks at. A group that is being deleted counts for nothing.
    Resolved:
        User, Project, Membership, Group, Role, Assignment, ApplicationCredential, AccessRule, Revocation, Trust, AccessToken
}
stamps! {
    /// A key that is gone takes its tokens with it.
    Keys: KeyRing
}

impl Entry {
    /// A payload, and what it was found to mean in `view`.
    pub fn new(payload: Arc<Payload>, token: Token, view: &Snapshot) -> Self {
        let credentials = Arc::new(token.credentials());
        let (resolved, keys) = (Resolved::of(view), Keys::of(view));
        Self { payload, token, credentials, resolved, keys, written: Mutex::default() }
    }

    /// What `write` makes of this token and the catalog in `view`, which must be all that it looks at.
    pub fn written(&self, view: &Snapshot, write: impl FnOnce() -> Result<Bytes>) -> Result<Bytes> {
        if let Some((_, body)) = self.written.lock().as_ref().filter(|(of, _)| of.is_current(view)) {
            return Ok(body.clone());
        }
        let body = write()?;
        *self.written.lock() = Some((Catalog::of(view), body.clone()));
        Ok(body)
    }

    pub fn is_current(&self, view: &Snapshot) -> bool {
        self.resolved.is_current(view) && self.same_keys(view)
    }

    /// Whether the key it was opened with is certainly still there.
    pub fn same_keys(&self, view: &Snapshot) -> bool {
        self.keys.is_current(view)
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
