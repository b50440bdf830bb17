//! For tests of services that need keys: by id, in the log as the key manager has them, and not sealed, so that tests look at them.

use crate::{KeyBytes, Keys, NewKey};
use kernel::{Error, ProjectId, Result, UserId};
use serde::{Deserialize, Serialize};
use store::{Key as StoreKey, Object, Snapshot, Tx};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Key {
    pub id: String,
    pub project: ProjectId,
    pub creator: UserId,
    pub name: String,
    pub octets: Vec<u8>,
}

impl Object for Key {
    const KIND: &'static str = "test.key";
    fn key(&self) -> StoreKey {
        self.id.as_str().into()
    }
}

pub struct FakeKeys;

impl FakeKeys {
    fn put(tx: &mut Tx, key: &NewKey, octets: Vec<u8>) {
        if tx.get::<Key>(&key.id).is_none() {
            let NewKey { id, project, creator, name, .. } = key.clone();
            tx.put(Key { id, project, creator, name, octets });
        }
    }
}

impl Keys for FakeKeys {
    fn create(&self, tx: &mut Tx, key: &NewKey, bits: u32) -> Result<()> {
        // As many octets as it has bits for, and another key's are others.
        let octets = key.id.bytes().cycle().take(bits as usize / 8).collect();
        Self::put(tx, key, octets);
        Ok(())
    }

    fn create_passphrase(&self, tx: &mut Tx, key: &NewKey, octets: u32) -> Result<()> {
        self.create(tx, key, octets * 8)
    }

    fn copy(&self, tx: &mut Tx, from: &str, key: &NewKey) -> Result<()> {
        let octets = tx.get::<Key>(from).ok_or_else(|| Error::not_found("no such key"))?.octets.clone();
        Self::put(tx, key, octets);
        Ok(())
    }

    fn owner(&self, snapshot: &Snapshot, id: &str) -> Option<ProjectId> {
        snapshot.get::<Key>(id).map(|k| k.project.clone())
    }

    fn open(&self, snapshot: &Snapshot, id: &str) -> Result<Option<KeyBytes>> {
        Ok(snapshot.get::<Key>(id).map(|k| KeyBytes::new(k.octets.clone())))
    }

    fn delete(&self, tx: &mut Tx, id: &str) {
        tx.delete::<Key>(id);
    }
}
