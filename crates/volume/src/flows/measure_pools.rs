//! Pools as they are now. A host says what it has when it connects; afterwards disks, directories and OSDs are added, and a cluster
//! that was away comes back.

use crate::{VolumeService, driver::PoolStats, model::VolumePool, pools::PoolReport};
use async_trait::async_trait;
use flow::Reconciler;
use kernel::{HostName, Result, error::Doing};
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;
use store::Batch;

/// How long a host may take to look at its pools.
const WITHIN: Duration = Duration::from_secs(30);

pub(crate) struct MeasurePools(pub(crate) VolumeService);

/// A pool in a host's words.
#[derive(Deserialize)]
struct Said {
    backend: String,
    availability_zone: String,
    stats: PoolStats,
}

#[async_trait]
impl Reconciler for MeasurePools {
    fn name(&self) -> &'static str {
        "volume.measure_pools"
    }
    fn interval(&self) -> Duration {
        Duration::from_secs(60)
    }
    fn wants(&self, _: &Batch) -> bool {
        false
    }
    async fn reconcile(&self) -> Result<()> {
        for host in self.0.0.hosts.hosts().into_iter().filter(|h| h.connected) {
            // One that does not answer says what it has when it connects again.
            if let Ok(reports) = self.measure(&host.host).await {
                self.0.report_pools(reports).await?;
            }
        }
        Ok(())
    }
}

impl MeasurePools {
    /// Those of a host's pools that are not as they are known to be.
    async fn measure(&self, host: &HostName) -> Result<Vec<PoolReport>> {
        let said = self.0.on_host(host, "volume.pools", json!({}), WITHIN).await?;
        let said: Vec<Said> = serde_json::from_value(said).doing("reading what pools a host has")?;
        let view = self.0.view();
        let report = |Said { backend, availability_zone, stats }| PoolReport {
            host: host.clone(),
            backend,
            availability_zone,
            stats,
        };
        let news = |report: &PoolReport| {
            view.get::<VolumePool>(&report.name()).is_none_or(|known| is_news(&known.stats, &report.stats))
        };
        Ok(said.into_iter().map(report).filter(news).collect())
    }
}

/// What is written goes to the log: so not every write of a guest, but what matters to where volumes go.
fn is_news(known: &PoolStats, now: &PoolStats) -> bool {
    let little = known.total_mib / 100;
    PoolStats { free_mib: known.free_mib, ..now.clone() } != *known || known.free_mib.abs_diff(now.free_mib) > little
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_news() {
        let known = PoolStats {
            pool: "p".into(),
            total_mib: 1000,
            free_mib: 500,
            provisioned_gib: 3,
            volumes: 1,
            storage_protocol: "nbd".into(),
            vendor_name: "Open Source".into(),
            driver_version: "1".into(),
            thin: true,
            compression_percent: None,
        };
        for (now, news) in [
            (known.clone(), false),
            (PoolStats { free_mib: 491, ..known.clone() }, false),
            (PoolStats { free_mib: 480, ..known.clone() }, true),
            (PoolStats { total_mib: 1001, ..known.clone() }, true),
            (PoolStats { volumes: 2, ..known.clone() }, true),
        ] {
            assert_eq!(is_news(&known, &now), news, "{now:?}");
        }
    }
}
