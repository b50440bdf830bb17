use super::{Call, FakeCloud, Host};
use async_trait::async_trait;
use kernel::{Error, HostName, NetworkId, PortId, Result};
use network::driver::{
    HostNetwork, MetadataHandler, MetadataRequest, MetadataResponse, MetadataSpec, PlugSpec, PortReading,
};
use network::traffic::{FlowExport, PortCounters};
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc};

pub struct FakeHost {
    cloud: FakeCloud,
    name: HostName,
    /// Ends with this process, as a real listener does.
    handler: Mutex<Option<Arc<dyn MetadataHandler>>>,
}

impl FakeHost {
    pub(super) fn new(cloud: FakeCloud, name: HostName) -> Self {
        let host = Self { cloud, name, handler: Mutex::new(None) };
        host.with(|h| h.metadata.clear());
        host
    }

    fn with<T>(&self, work: impl FnOnce(&mut Host) -> T) -> T {
        work(self.cloud.state.lock().hosts.entry(self.name.clone()).or_default())
    }

    /// What a guest does that asks the metadata address; `None` if nobody serves its network here.
    pub async fn ask_metadata(&self, request: MetadataRequest) -> Option<MetadataResponse> {
        let served = self.with(|host| host.metadata.contains(&request.network));
        let handler = self.handler.lock().clone().filter(|_| served)?;
        Some(handler.answer(request).await)
    }
}

#[async_trait]
impl HostNetwork for FakeHost {
    async fn plug(&self, spec: &PlugSpec) -> Result<()> {
        self.cloud.enter(Call::Plug).await?;
        self.with(|host| {
            if host.plugs.values().any(|other| other.tap == spec.tap && other.port != spec.port) {
                return Err(Error::conflict(format!("the device {} belongs to another port", spec.tap)));
            }
            host.plugs.insert(spec.port.clone(), spec.clone());
            let made = host.made + 1;
            host.counters.entry(spec.port.clone()).or_insert_with(|| {
                host.made = made;
                (made, PortCounters::default())
            });
            Ok(())
        })
    }

    async fn unplug(&self, port: &PortId) -> Result<()> {
        self.cloud.enter(Call::Unplug).await?;
        self.with(|host| {
            host.plugs.remove(port);
            host.counters.remove(port);
        });
        Ok(())
    }

    async fn plugged(&self) -> Result<Vec<PortId>> {
        self.cloud.enter(Call::Plugged).await?;
        Ok(self.with(|host| host.plugs.keys().cloned().collect()))
    }

    async fn serve_metadata(&self, networks: &[MetadataSpec], handler: Arc<dyn MetadataHandler>) -> Result<()> {
        self.cloud.enter(Call::ServeMetadata).await?;
        *self.handler.lock() = Some(handler);
        self.with(|host| host.metadata = networks.iter().map(|spec| spec.network.clone()).collect());
        Ok(())
    }

    async fn metadata_networks(&self) -> Result<Vec<NetworkId>> {
        Ok(self.with(|host| host.metadata.iter().cloned().collect()))
    }

    async fn strays(&self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    async fn export_flows(&self, exports: &[FlowExport]) -> Result<()> {
        self.with(|host| host.exports = exports.to_vec());
        Ok(())
    }

    async fn counters(&self) -> Result<BTreeMap<PortId, PortReading>> {
        let read = |(port, (device, counters)): (&PortId, &(u64, _))| {
            (port.clone(), PortReading { device: device.to_string(), counters: *counters })
        };
        Ok(self.with(|host| host.counters.iter().map(read).collect()))
    }
}
