use crate::rig::{Rig, skipped};
use async_trait::async_trait;
use drivers_net::{
    conformance::{self, Subject},
    netns::Netns,
};
use kernel::{HostName, PortId};
use network::driver::{HostNetwork, NetworkBackend};
use std::sync::Arc;

struct Ovn(Rig);

#[async_trait]
impl Subject for Ovn {
    fn backend(&self) -> &dyn NetworkBackend {
        &self.0.backend
    }
    fn host(&self) -> Arc<dyn HostNetwork> {
        self.0.hosts[0].network()
    }
    fn host_name(&self) -> HostName {
        "h1".into()
    }
    fn writes(&self) -> u64 {
        self.0.backend.transactions()
    }
    async fn tamper(&self, port: &PortId) {
        let database = format!("--db={}", self.0.northbound());
        let command = [&database, "lsp-set-addresses", port.as_str(), "00:00:00:00:00:07 1.2.3.4"];
        Netns::here().command("ovn-nbctl", command).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ovn_conforms() {
    if !skipped() {
        conformance::all(&Ovn(Rig::single().await)).await;
    }
}
