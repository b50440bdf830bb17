//! QoS specs that are for the back end reach the pools of volumes that are in use.

use crate::{
    VolumeService, limits,
    model::Attachment,
    ops::attachments::hold::{differs, hold},
};
use async_trait::async_trait;
use flow::Reconciler;
use kernel::{Result, VolumeId};
use std::{collections::BTreeSet, time::Duration};
use store::Batch;

pub(crate) struct PoolLimits(pub(crate) VolumeService);

#[async_trait]
impl Reconciler for PoolLimits {
    fn name(&self) -> &'static str {
        "volume.pool_limits"
    }
    fn interval(&self) -> Duration {
        Duration::from_secs(300)
    }
    fn wants(&self, batch: &Batch) -> bool {
        limits::changed(batch)
    }
    /// A pool that does not answer is tried again; the others do not wait for it.
    async fn reconcile(&self) -> Result<()> {
        let view = self.0.view();
        let exported = view.all::<Attachment>().filter(|a| a.target.is_some() && differs(&view, &a.volume));
        let volumes: BTreeSet<VolumeId> = exported.map(|a| a.volume.clone()).collect();
        let mut last = Ok(());
        for volume in volumes {
            if let Err(e) = hold(&self.0, &volume).await {
                tracing::warn!(%volume, error = %e.internal_text(), "a pool has not heard of a volume's limits yet");
                last = Err(e);
            }
        }
        last
    }
}
