//! Sealing and opening with the key rings of the store.

mod jws;
mod reencrypt;
mod rotate;

pub(crate) use reencrypt::drop_keys;
pub use rotate::{KeyRotation, rotate};

use crate::model::{KeyRing, Purpose};
use fernet::Fernet;
use jws::Signers;
use kernel::{Error, Result};
use parking_lot::RwLock;
use std::sync::Arc;
use store::Snapshot;

/// The rings as ciphers, made again when a ring has changed.
#[derive(Default)]
pub struct Rings {
    tokens: RwLock<Option<Ready>>,
    credentials: RwLock<Option<Ready>>,
    secrets: RwLock<Option<Ready>>,
    signers: RwLock<Option<(Arc<KeyRing>, Arc<Signers>)>>,
}

/// A ring made ready: the ring it was made of, and its keys in the ring's order.
#[derive(Clone)]
struct Ready {
    ring: Arc<KeyRing>,
    ciphers: Arc<Vec<Fernet>>,
}

impl Rings {
    /// Seals with the primary key. Without padding, as Keystone's tokens are.
    pub fn seal(&self, view: &Snapshot, purpose: Purpose, content: &[u8]) -> Result<String> {
        let ready = self.ready(view, purpose)?;
        let primary = ready.ciphers.get(1).ok_or_else(|| Error::internal(format!("no primary key for {purpose:?}")))?;
        let mut sealed = primary.encrypt(content);
        sealed.truncate(sealed.trim_end_matches('=').len());
        Ok(sealed)
    }

    /// Opens with whichever key fits; `None` if none does.
    pub fn open(&self, view: &Snapshot, purpose: Purpose, sealed: &str) -> Result<Option<Vec<u8>>> {
        let ready = self.ready(view, purpose)?;
        // Nothing sealed here is longer than a value of the store; no need to look at more.
        if sealed.is_empty() || sealed.len() > store::MAX_VALUE {
            return Ok(None);
        }
        let padded = format!("{sealed}{}", "=".repeat((4 - sealed.len() % 4) % 4));
        // The primary has sealed most; then staged (another member may be ahead) and the old ones.
        let order = [1, 0].into_iter().chain(2..ready.ciphers.len());
        Ok(order.filter_map(|at| ready.ciphers.get(at)).find_map(|cipher| cipher.decrypt(&padded).ok()))
    }

    /// Whether something is sealed with the primary key.
    pub(crate) fn is_current(&self, view: &Snapshot, purpose: Purpose, sealed: &str) -> Result<bool> {
        let ready = self.ready(view, purpose)?;
        let padded = format!("{sealed}{}", "=".repeat((4 - sealed.len() % 4) % 4));
        Ok(ready.ciphers.get(1).is_some_and(|primary| primary.decrypt(&padded).is_ok()))
    }

    /// Signs with the primary key of the ring for that.
    pub fn sign(&self, view: &Snapshot, claims: &[u8]) -> Result<String> {
        let signers = self.signers(view)?;
        signers.ok_or_else(|| Error::unavailable("identity has no signing keys yet; it is being set up"))?.sign(claims)
    }

    /// What was signed, if by a key of the ring.
    pub fn verify(&self, view: &Snapshot, token: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.signers(view)?.and_then(|signers| signers.verify(token)))
    }

    fn signers(&self, view: &Snapshot) -> Result<Option<Arc<Signers>>> {
        let Some(ring) = view.get::<KeyRing>(Purpose::Signing.key()) else { return Ok(None) };
        if let Some((_, signers)) = self.signers.read().as_ref().filter(|(known, _)| Arc::ptr_eq(known, &ring)) {
            return Ok(Some(Arc::clone(signers)));
        }
        let signers = Arc::new(Signers::new(ring.keys.iter().map(|key| key.secret.as_str()))?);
        *self.signers.write() = Some((ring, Arc::clone(&signers)));
        Ok(Some(signers))
    }

    fn ready(&self, view: &Snapshot, purpose: Purpose) -> Result<Ready> {
        let ring = view.get::<KeyRing>(purpose.key());
        let ring = ring.ok_or_else(|| Error::unavailable("identity has no keys yet; it is being set up"))?;
        let slot = match purpose {
            Purpose::Tokens => &self.tokens,
            Purpose::Credentials => &self.credentials,
            Purpose::Secrets => &self.secrets,
            Purpose::Signing => return Err(Error::internal("sealing with keys that sign")),
        };
        if let Some(ready) = slot.read().as_ref().filter(|ready| Arc::ptr_eq(&ready.ring, &ring)) {
            return Ok(ready.clone());
        }
        let cipher = |secret: &str| {
            Fernet::new(secret)
                .ok_or_else(|| Error::internal(format!("reading a key of {purpose:?}: not a Fernet key")))
        };
        let ciphers = ring.keys.iter().map(|key| cipher(&key.secret)).collect::<Result<_>>()?;
        let ready = Ready { ring, ciphers: Arc::new(ciphers) };
        *slot.write() = Some(ready.clone());
        Ok(ready)
    }
}

/// A key for a ring.
pub(crate) fn fresh_secret(purpose: Purpose) -> Result<String> {
    match purpose {
        Purpose::Tokens | Purpose::Credentials | Purpose::Secrets => Ok(Fernet::generate_key()),
        Purpose::Signing => jws::fresh_secret(),
    }
}
