//! What the audit of a host asks each real driver: processes and sockets behind its back. (Devices and
//! namespaces are in the inventory: `HostNetwork::strays`.)

use agent::{HostAudit, HostClaims};
use async_trait::async_trait;
use drivers_blk::file_volumes::FileVolumes;
use drivers_virt::qemu::Qemu;
use kernel::Result;
use std::sync::Arc;

pub struct Guests(pub Arc<Qemu>);

#[async_trait]
impl HostAudit for Guests {
    async fn audit(&self, claims: &HostClaims) -> Result<Vec<String>> {
        self.0.audit(&claims.servers).await
    }
}

pub struct Pool(pub Arc<FileVolumes>);

#[async_trait]
impl HostAudit for Pool {
    async fn audit(&self, _: &HostClaims) -> Result<Vec<String>> {
        self.0.audit().await
    }
}
