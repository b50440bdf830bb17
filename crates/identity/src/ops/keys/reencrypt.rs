//! After a rotation, credentials move to the new key; then the old ones can go.

use crate::{
    Identity,
    model::{Credential, KeyRing, Purpose},
};
use kernel::Result;
use std::time::Duration;

/// Credentials sealed again by one transaction.
const BATCH: usize = 200;

pub(super) async fn reencrypt(id: &Identity) -> Result<()> {
    loop {
        let view = id.view();
        let mut stale = Vec::new();
        for credential in view.all::<Credential>() {
            if !id.rings().is_current(&view, Purpose::Credentials, &credential.sealed)? {
                stale.push(credential);
            }
            if stale.len() == BATCH {
                break;
            }
        }
        if stale.is_empty() {
            return drop_keys(id).await;
        }
        let mut sealed = Vec::with_capacity(stale.len());
        for old in stale {
            // What no key opens is kept as it is: a restored ring may open it again.
            if let Some(content) = id.rings().open(&view, Purpose::Credentials, &old.sealed)? {
                sealed.push((old, id.rings().seal(&view, Purpose::Credentials, &content)?));
            }
        }
        if sealed.is_empty() {
            return Ok(());
        }
        let replace = move |tx: &mut store::Tx| {
            for (old, new) in &sealed {
                if tx.get::<Credential>(&old.id).is_some_and(|current| current.sealed == old.sealed) {
                    tx.put(Credential { sealed: new.clone(), ..Credential::clone(old) });
                }
            }
            Ok(())
        };
        id.store().transact("identity.keys.reencrypt", replace).await?;
    }
}

/// Every credential is sealed with the primary key: the secondaries open nothing.
async fn drop_keys(id: &Identity) -> Result<()> {
    let ring = id.view().get::<KeyRing>(Purpose::Credentials.key());
    if ring.is_none_or(|ring| ring.keys.len() <= 2) {
        return Ok(());
    }
    let now = id.now();
    id.store()
        .transact("identity.keys.drop", move |tx| {
            let Some(ring) = tx.get::<KeyRing>(Purpose::Credentials.key()) else { return Ok(()) };
            let mut ring = KeyRing::clone(&ring);
            // A member that is a moment behind may still seal with the key before.
            if ring.drop_retired(Duration::from_secs(60), now) {
                tx.put(ring);
            }
            Ok(())
        })
        .await
}
