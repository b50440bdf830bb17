//! What other services get: `ports::Keys`.
//!
//! A key is made in the transaction that makes what it encrypts. The octets are drawn inside the closure: when that runs again
//! nothing of the first run was committed, and a key that is there already is left as it is.

use crate::{
    KeyManager,
    model::{Media, Secret, SecretKind},
    ops::secrets,
    service::claim,
};
use base64::prelude::{BASE64_STANDARD, Engine};
use kernel::{Error, ProjectId, Result};
use ports::{KeyBytes, Keys, NewKey};
use ring::rand::{SecureRandom, SystemRandom};
use std::collections::BTreeMap;
use store::{Snapshot, Tx};

/// What keys are among secrets.
const KEY: (SecretKind, Media) = (SecretKind::Symmetric, Media::Octets);

/// Random octets from the system, a multiple of eight bits.
pub(crate) fn random(bits: u32) -> Result<KeyBytes> {
    let mut octets = vec![0; usize::try_from(bits / 8).unwrap_or(0)];
    SystemRandom::new().fill(&mut octets).map_err(|_| Error::internal("drawing random octets for a key"))?;
    Ok(KeyBytes::new(octets))
}

impl KeyManager {
    fn insert(&self, tx: &mut Tx, key: &NewKey, octets: &KeyBytes, (kind, media): (SecretKind, Media)) -> Result<()> {
        let now = self.0.clock.now();
        claim(tx, &key.project, "secrets", "Secret creation")?;
        let sealed = self.0.sealer.seal(tx.view(), octets.as_bytes())?;
        tx.put(Secret {
            id: key.id.clone(),
            project: key.project.clone(),
            creator: key.creator.clone(),
            name: Some(key.name.clone()),
            kind,
            algorithm: key.algorithm.clone(),
            bit_length: (kind == SecretKind::Symmetric).then(|| octets.as_bytes().len() as u32 * 8),
            mode: None,
            expiration: None,
            media: Some(media),
            sealed: Some(sealed),
            metadata: BTreeMap::new(),
            access: None,
            consumers: Vec::new(),
            created_at: now,
            updated_at: now,
        });
        Ok(())
    }
}

impl Keys for KeyManager {
    fn create(&self, tx: &mut Tx, key: &NewKey, bits: u32) -> Result<()> {
        if tx.get::<Secret>(&key.id).is_some() {
            return Ok(());
        }
        self.insert(tx, key, &random(bits)?, KEY)
    }

    fn create_passphrase(&self, tx: &mut Tx, key: &NewKey, octets: u32) -> Result<()> {
        if tx.get::<Secret>(&key.id).is_some() {
            return Ok(());
        }
        let text = BASE64_STANDARD.encode(random(octets * 8)?.as_bytes());
        self.insert(tx, key, &KeyBytes::new(text.into_bytes()), (SecretKind::Passphrase, Media::Text))
    }

    fn copy(&self, tx: &mut Tx, from: &str, key: &NewKey) -> Result<()> {
        if tx.get::<Secret>(&key.id).is_some() {
            return Ok(());
        }
        // A point read, so that the copy is not made of what is being deleted.
        let known = tx.get::<Secret>(from).is_some();
        let octets = if known { self.open(tx.view(), from)? } else { None };
        let octets = octets.ok_or_else(|| Error::not_found(format!("Key {from} could not be found.")))?;
        self.insert(tx, key, &octets, KEY)
    }

    fn owner(&self, snapshot: &Snapshot, id: &str) -> Option<ProjectId> {
        let found = snapshot.get::<Secret>(id).filter(|s| !s.is_expired(self.0.clock.now()));
        found.map(|s| s.project.clone())
    }

    fn open(&self, snapshot: &Snapshot, id: &str) -> Result<Option<KeyBytes>> {
        let Some(secret) = snapshot.get::<Secret>(id).filter(|s| !s.is_expired(self.0.clock.now())) else {
            return Ok(None);
        };
        let Some(sealed) = &secret.sealed else { return Ok(None) };
        let octets = self.0.sealer.open(snapshot, sealed)?;
        octets.map(Some).ok_or_else(|| Error::internal(format!("opening the key {id}: no key of the ring fits")))
    }

    fn delete(&self, tx: &mut Tx, id: &str) {
        secrets::remove(tx, id);
    }
}
