//! What hosts report of themselves is put right again where somebody wrote otherwise: Nova's hosts do the same every minute.

use crate::model::{Provider, Reported};
use async_trait::async_trait;
use flow::Reconciler;
use kernel::{Clock, Result};
use std::{sync::Arc, time::Duration};
use store::{Batch, Store};

pub struct KeepHosts {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Reconciler for KeepHosts {
    fn name(&self) -> &'static str {
        "placement-hosts"
    }
    fn interval(&self) -> Duration {
        Duration::from_secs(60)
    }
    fn wants(&self, _: &Batch) -> bool {
        false
    }
    async fn reconcile(&self) -> Result<()> {
        let snapshot = self.store.snapshot();
        for provider in snapshot.all::<Provider>().filter(|p| corrected(p).is_some()) {
            let (id, now) = (provider.id.clone(), self.clock.now());
            let put_right = self.store.transact("placement.provider.keep", move |tx| {
                if let Some(mut right) = tx.get::<Provider>(&id).and_then(|p| corrected(&p)) {
                    right.raise(now);
                    tx.put(right);
                }
                Ok(())
            });
            put_right.await?;
        }
        Ok(())
    }
}

/// The provider as its host says, if it is not so.
fn corrected(provider: &Provider) -> Option<Provider> {
    let said: Reported = provider.reported.clone()?;
    let mut right = provider.clone();
    said.merge_into(&mut right).then_some(right)
}
