//! Pools grow and fill while hosts stay connected: what a host reported when it came is asked again now and then.
//!
//! Only what changes a decision is written: another size, or free space that differs by more than a hundredth of the pool. The rest is
//! measured load, which the log has no place for.

use crate::{VolumeService, driver::PoolStats, flows::QUICK, model::VolumePool};
use async_trait::async_trait;
use flow::Reconciler;
use kernel::{Result, error::Doing};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use store::Batch;

pub struct PoolSizes(pub VolumeService);

#[async_trait]
impl Reconciler for PoolSizes {
    fn name(&self) -> &'static str {
        "volume.pool_sizes"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(30)
    }

    fn wants(&self, _: &Batch) -> bool {
        false
    }

    /// A host that does not answer keeps the others from nothing.
    async fn reconcile(&self) -> Result<()> {
        let pools: Vec<_> = self.0.view().all::<VolumePool>().collect();
        for pool in pools.into_iter().filter(|p| self.0.0.hosts.is_connected(&p.host)) {
            if let Err(e) = self.look(&pool).await {
                tracing::warn!(pool = %pool.name, error = %e.internal_text(), "a pool could not be measured");
            }
        }
        Ok(())
    }
}

impl PoolSizes {
    async fn look(&self, pool: &Arc<VolumePool>) -> Result<()> {
        let found = self.0.on_host(&pool.host, "volume.stats", json!({"backend": pool.backend}), QUICK).await?;
        let found: PoolStats = serde_json::from_value(found).doing("reading a pool's size")?;
        if found.pool != pool.stats.pool || !differs(&pool.stats, &found) {
            return Ok(());
        }
        let name = pool.name.clone();
        let write = move |tx: &mut store::Tx| {
            tx.update::<VolumePool>(&name, |p| p.stats = found.clone());
            Ok(())
        };
        self.0.0.store.transact("volume.pool.measure", write).await
    }
}

fn differs(known: &PoolStats, found: &PoolStats) -> bool {
    let traits = |s: &PoolStats| (s.total_mib, s.thin, s.storage_protocol.clone(), s.driver_version.clone());
    traits(known) != traits(found) || known.free_mib.abs_diff(found.free_mib) * 100 > found.total_mib
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changes_a_decision_is_written() {
        let stats = |total_mib, free_mib, volumes| PoolStats {
            pool: "p".into(),
            total_mib,
            free_mib,
            provisioned_gib: volumes,
            volumes,
            storage_protocol: "nbd".into(),
            vendor_name: "Open Source".into(),
            driver_version: "1".into(),
            thin: true,
        };
        let known = stats(100_000, 50_000, 1);
        for (found, expect) in [
            (stats(100_000, 50_000, 9), false),
            (stats(100_000, 49_100, 1), false),
            (stats(100_000, 48_000, 1), true),
            (stats(200_000, 150_000, 1), true),
        ] {
            assert_eq!(differs(&known, &found), expect, "{found:?}");
        }
    }
}
