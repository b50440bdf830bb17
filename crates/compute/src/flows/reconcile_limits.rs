//! What guests may do with their volumes follows the volume service's QoS specs: an intent that says otherwise is changed, and the
//! guest's host gives the disk its new limits while it runs.

use super::guest::change_intent;
use crate::{Compute, driver::IoLimits, model::vm::VmIntent};
use async_trait::async_trait;
use flow::Reconciler;
use kernel::{Result, ServerId};
use std::{sync::Arc, time::Duration};
use store::{Batch, Snapshot};

/// Servers changed in one transaction.
const CHUNK: usize = 64;

pub struct VolumeLimits(pub Compute);

#[async_trait]
impl Reconciler for VolumeLimits {
    fn name(&self) -> &'static str {
        "compute.volume_limits"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(300)
    }

    fn wants(&self, batch: &Batch) -> bool {
        self.0.volumes.limits_changed(batch)
    }

    async fn reconcile(&self) -> Result<()> {
        let snapshot = self.0.store.snapshot();
        let differing: Vec<ServerId> =
            snapshot.all::<VmIntent>().filter(|i| self.differs(&snapshot, i)).map(|i| i.server.clone()).collect();
        for chunk in differing.chunks(CHUNK) {
            let (chunk, volumes) = (chunk.to_vec(), Arc::clone(&self.0.volumes));
            let limited = self.0.store.transact("compute.server.limit_volumes", move |tx| {
                let view = tx.view().clone();
                for id in &chunk {
                    change_intent(tx, id, |intent| {
                        intent.volumes.iter_mut().for_each(|v| v.io = volumes.limits(&view, &v.volume).into());
                    });
                }
                Ok(())
            });
            limited.await?;
        }
        Ok(())
    }
}

impl VolumeLimits {
    fn differs(&self, snapshot: &Snapshot, intent: &VmIntent) -> bool {
        intent.volumes.iter().any(|v| v.io != IoLimits::from(self.0.volumes.limits(snapshot, &v.volume)))
    }
}
