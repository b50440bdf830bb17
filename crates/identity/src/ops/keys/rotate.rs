//! Rotation, by hand or by age.

use super::{
    fresh_secret,
    reencrypt::{anything, reencrypt},
};
use crate::{
    Identity,
    config::TokenFormat,
    model::{KeyRing, Purpose, Revocation},
};
use async_trait::async_trait;
use kernel::{Result, Timestamp};
use std::time::Duration;
use store::{Batch, Tx};

/// Revocations removed by one transaction.
const BATCH: usize = 1000;

/// Makes the staged key primary and stages a new one; makes the ring if there is none.
pub async fn rotate(id: &Identity, purpose: Purpose) -> Result<()> {
    let (now, secrets) = (id.now(), [fresh_secret(purpose)?, fresh_secret(purpose)?]);
    id.store()
        .transact("identity.keys.rotate", move |tx| {
            match tx.get::<KeyRing>(purpose.key()) {
                None => drop(tx.put(KeyRing::new(purpose, secrets.clone(), now))),
                Some(ring) => {
                    let mut ring = KeyRing::clone(&ring);
                    ring.rotate(secrets[0].clone(), now);
                    tx.put(ring);
                }
            }
            Ok(())
        })
        .await
}

/// Keeps the rings young, credentials sealed with the newest key, and forgets what no token can need any more.
pub struct KeyRotation(pub Identity);

#[async_trait]
impl flow::Reconciler for KeyRotation {
    fn name(&self) -> &'static str {
        "identity.keys"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(300)
    }

    fn wants(&self, _: &Batch) -> bool {
        false
    }

    async fn reconcile(&self) -> Result<()> {
        let id = &self.0;
        let age = Duration::from_secs(id.config().tokens.rotate_keys_after);
        for purpose in [Purpose::Tokens, Purpose::Credentials, Purpose::Secrets, Purpose::Signing] {
            let due = id.view().get::<KeyRing>(purpose.key()).is_none_or(|ring| ring.due(age, id.now()));
            // Where nothing is sealed there is nothing that an old key could give away.
            let used = match purpose {
                Purpose::Tokens | Purpose::Secrets => true,
                Purpose::Credentials => anything(id),
                Purpose::Signing => id.config().tokens.format == TokenFormat::Jws,
            };
            if due && used {
                rotate(id, purpose).await?;
                tracing::info!(?purpose, "rotated the keys");
            }
        }
        reencrypt(id).await?;
        self.forget().await
    }
}

impl KeyRotation {
    async fn forget(&self) -> Result<()> {
        let (now, memory) = (self.0.now(), self.0.config().token_memory());
        self.0
            .store()
            .transact("identity.keys.forget", move |tx| {
                drop_old_keys(tx, Purpose::Tokens, memory, now);
                drop_old_keys(tx, Purpose::Signing, memory, now);
                let old = |r: &Revocation| now.since(r.issued_before) > memory;
                let expired: Vec<_> =
                    tx.view().all::<Revocation>().filter(|r| old(r)).take(BATCH).map(|r| r.subject.key()).collect();
                for key in expired {
                    tx.delete::<Revocation>(&key);
                }
                Ok(())
            })
            .await
    }
}

fn drop_old_keys(tx: &mut Tx, purpose: Purpose, memory: Duration, now: Timestamp) {
    let Some(ring) = tx.get::<KeyRing>(purpose.key()) else { return };
    let mut ring = KeyRing::clone(&ring);
    if ring.drop_retired(memory, now) {
        tx.put(ring);
    }
}
