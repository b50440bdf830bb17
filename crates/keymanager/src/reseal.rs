//! After the ring's rotation payloads move to the new key; then the old ones can go. Secrets past their expiration are removed.
//!
//! Idempotent, in batches. A payload that no key opens is kept as it is, and keeps the old keys: a restored ring may open it.

use crate::{KeyManager, model::Secret, ops::secrets};
use async_trait::async_trait;
use kernel::Result;
use std::time::Duration;
use store::{Batch, Tx};

/// Secrets written by one transaction; each is less than 40 KiB.
const BATCH: usize = 64;

/// The reconciler.
pub struct Reseal(pub KeyManager);

#[async_trait]
impl flow::Reconciler for Reseal {
    fn name(&self) -> &'static str {
        "keymanager.reseal"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(300)
    }

    fn wants(&self, _: &Batch) -> bool {
        false
    }

    async fn reconcile(&self) -> Result<()> {
        self.remove_expired().await?;
        if self.reseal().await? {
            self.0.0.sealer.forget_old_keys().await?;
        }
        Ok(())
    }
}

impl Reseal {
    async fn remove_expired(&self) -> Result<()> {
        let now = self.0.0.clock.now();
        loop {
            let view = self.0.view();
            let expired: Vec<_> =
                view.all::<Secret>().filter(|s| s.is_expired(now)).take(BATCH).map(|s| s.id.clone()).collect();
            if expired.is_empty() {
                return Ok(());
            }
            let remove = move |tx: &mut Tx| {
                expired.iter().for_each(|id| secrets::remove(tx, id));
                Ok(())
            };
            self.0.0.store.transact("keymanager.expire", remove).await?;
        }
    }

    /// Whether everything is sealed with the newest key now.
    async fn reseal(&self) -> Result<bool> {
        let sealer = &self.0.0.sealer;
        loop {
            let view = self.0.view();
            let (mut stale, mut lost) = (Vec::new(), false);
            for secret in view.all::<Secret>() {
                let Some(old) = secret.sealed.as_deref() else { continue };
                if sealer.is_current(&view, old)? {
                    continue;
                }
                match sealer.open(&view, old)? {
                    Some(octets) => {
                        stale.push((secret.id.clone(), old.to_owned(), sealer.seal(&view, octets.as_bytes())?));
                    }
                    None => lost = true,
                }
                if stale.len() >= BATCH {
                    break;
                }
            }
            if stale.is_empty() {
                return Ok(!lost);
            }
            let replace = move |tx: &mut Tx| {
                for (id, old, new) in &stale {
                    if tx.get::<Secret>(id).is_some_and(|s| s.sealed.as_ref() == Some(old)) {
                        tx.update::<Secret>(id, |s| s.sealed = Some(new.clone()));
                    }
                }
                Ok(())
            };
            self.0.0.store.transact("keymanager.reseal", replace).await?;
        }
    }
}
