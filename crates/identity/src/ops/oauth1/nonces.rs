//! Signed requests are served once.
//!
//! A nonce is kept in the store, written by the transaction that serves the request: of two copies that arrive at once, on one
//! member or on two, one commits and the other finds it there. Keystone keeps none.
//!
//! What is kept is bounded: a nonce ends with the time in which its signature would be good (at most 20 minutes), each new one
//! takes up to four old ones away, the sweeper takes the rest; and a consumer has at most [`MOST`] at a time.

use super::{SKEW, Signed};
use crate::{
    Identity, Refusal,
    model::{
        Nonce,
        oauth1::{ConsumerId, NONCES_OF, NONCES_UNTIL},
    },
};
use kernel::{Error, Kind, Result, Timestamp};
use sha2::{Digest, Sha256};
use store::{Snapshot, Tx};

/// Ten a second for as long as they are kept.
const MOST: usize = 12_000;
/// Old ones that one transaction of the sweeper takes away.
const BATCH: usize = 500;

/// A request whose signature is right and that may not have been seen before.
#[must_use = "spend it in the transaction that serves the request"]
pub(crate) struct Fresh {
    nonce: Nonce,
    now: u64,
}

impl Fresh {
    pub(super) fn new(request: &Signed, consumer: &ConsumerId, signed_at: u64, now: Timestamp) -> Self {
        let mut hash = Sha256::new();
        for name in ["oauth_consumer_key", "oauth_token", "oauth_timestamp", "oauth_nonce"] {
            let value = request.param(name).unwrap_or_default();
            hash.update((value.len() as u64).to_be_bytes());
            hash.update(value);
        }
        let id = hash.finalize().iter().take(16).map(|octet| format!("{octet:02x}")).collect();
        let nonce = Nonce { id, consumer: consumer.clone(), until: signed_at + SKEW };
        Self { nonce, now: seconds(now) }
    }

    /// 401 to a request that was served before.
    pub(crate) fn spend(&self, tx: &mut Tx) -> Result<()> {
        for old in expired(tx.view(), self.now, 4) {
            tx.delete::<Nonce>(&old);
        }
        if tx.get::<Nonce>(&self.nonce.id).is_some() {
            return Err(Refusal::Unauthorized("the OAuth nonce was used before").into());
        }
        if tx.view().keys_by(NONCES_OF, &self.nonce.consumer).nth(MOST - 1).is_some() {
            return Err(Error::of(Kind::TooManyRequests, "The consumer has signed too many requests."));
        }
        tx.put(self.nonce.clone());
        Ok(())
    }
}

/// Takes away what is too old to matter.
pub(crate) async fn forget(id: &Identity) -> Result<()> {
    let now = seconds(id.now());
    while !expired(&id.view(), now, 1).is_empty() {
        id.store()
            .transact("identity.nonces.forget", move |tx| {
                for old in expired(tx.view(), now, BATCH) {
                    tx.delete::<Nonce>(&old);
                }
                Ok(())
            })
            .await?;
    }
    Ok(())
}

fn expired(view: &Snapshot, now: u64, most: usize) -> Vec<String> {
    let end = format!("{now:012}");
    let all = view.range_by(NONCES_UNTIL, "", "").take_while(|(until, _)| until.as_str() < end.as_str());
    all.take(most).map(|(_, key)| key.as_str().to_owned()).collect()
}

fn seconds(at: Timestamp) -> u64 {
    u64::try_from(at.secs()).unwrap_or(0)
}
