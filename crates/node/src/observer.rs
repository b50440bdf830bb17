//! Takes what hosts report to the services it concerns.

use crate::services::Services;
use agent::{Hello, Observer};
use async_trait::async_trait;
use compute::model::vm::VmObserved;
use kernel::{HostName, Result, ServerId};
use ports::KeyBytes;
use volume::PoolReport;

pub struct Reports(pub Services);

#[async_trait]
impl Observer for Reports {
    async fn hello(&self, hello: &Hello) -> Result<()> {
        let reports = hello.pools.iter().map(|pool| PoolReport {
            host: hello.host.clone(),
            backend: pool.backend.clone(),
            availability_zone: hello.availability_zone.clone(),
            stats: pool.stats.clone(),
        });
        self.0.volume.report_pools(reports.collect()).await?;
        let report = compute::HostReport {
            host: hello.host.clone(),
            address: hello.address.clone(),
            availability_zone: hello.availability_zone.clone(),
            labels: hello.labels.clone(),
            capabilities: hello.capabilities.clone(),
        };
        self.0.compute.host_report(report).await
    }

    async fn observed(&self, _host: &HostName, observations: Vec<VmObserved>) -> Result<()> {
        self.0.compute.observe(observations).await
    }

    async fn guest_password(&self, host: &HostName, server: &ServerId) -> Result<String> {
        self.0.compute.guest_password(host, server).await
    }

    async fn post_guest_password(&self, host: &HostName, server: &ServerId, password: String) -> Result<()> {
        self.0.compute.post_guest_password(host, server, password).await
    }

    fn tpm_key(&self, host: &HostName, server: &ServerId) -> Result<KeyBytes> {
        self.0.compute.tpm_key(host, server)
    }
}
