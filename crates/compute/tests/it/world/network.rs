//! Ports on one network.

use super::NETWORK;
use async_trait::async_trait;
use kernel::{Ctx, Error, HostName, NetworkId, PortId, ProjectId, Result, ServerId};
use parking_lot::Mutex;
use ports::{
    Address, AddressKind, BoundPort, NicRequest, PortBinder, PortPlan,
    network::{BindPorts, Crossing, NicLimits, PortView},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};
use store::{Batch, Index, IndexSink, Key, Object, Snapshot, Tx};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Port {
    pub id: PortId,
    pub network: NetworkId,
    pub server: Option<ServerId>,
    pub host: Option<HostName>,
    pub ours: bool,
    pub plugged: bool,
    /// A host to which its guest is about to come.
    pub awaited: Option<HostName>,
    pub groups: BTreeSet<String>,
    pub limits: NicLimits,
    pub floating: Vec<IpAddr>,
}

impl Port {
    const BY_SERVER: Index<Port> = Index::new(0);

    pub fn free(id: &str) -> Self {
        Self {
            id: id.into(),
            network: NETWORK.into(),
            server: None,
            host: None,
            ours: false,
            plugged: false,
            awaited: None,
            groups: ["default".into()].into(),
            limits: NicLimits::default(),
            floating: Vec::new(),
        }
    }
}

impl Object for Port {
    const KIND: &'static str = "test.port";
    const INDEXES: &'static [&'static str] = &["server"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        if let Some(server) = &self.server {
            sink.add(Self::BY_SERVER, server);
        }
    }
}

#[derive(Default)]
pub struct FakePorts {
    /// Said by the network back end instead of being ready.
    pub broken: Mutex<Option<Error>>,
}

const ADDRESS: &str = "10.0.0.5";

fn of(snapshot: &Snapshot, server: &ServerId) -> Vec<Arc<Port>> {
    snapshot.by(Port::BY_SERVER, server).collect()
}

fn bound(port: &Port) -> BoundPort {
    BoundPort {
        port: port.id.clone(),
        network: port.network.clone(),
        network_name: "net".into(),
        mac: "fa:16:3e:00:00:01".into(),
        mtu: 1442,
        tap: "tap0".into(),
        addresses: vec![ADDRESS.parse().unwrap()],
        floating: port.floating.clone(),
        subnets: vec![],
        metadata: None,
        model: "virtio".into(),
    }
}

#[async_trait]
impl PortBinder for FakePorts {
    fn allocate_network(&self, _: &mut Tx, _: &ProjectId) -> Result<()> {
        Ok(())
    }

    fn plan(&self, _: &Ctx, tx: &mut Tx, _: &ProjectId, wanted: Option<&[NicRequest]>) -> Result<Vec<PortPlan>> {
        let whatever = [NicRequest::Network { network: NETWORK.into(), fixed_ip: None }];
        let one = |request: &NicRequest| match request {
            NicRequest::Network { network, fixed_ip } if *network == NETWORK => {
                Ok(PortPlan { port: PortId::new(), network: network.clone(), fixed_ip: *fixed_ip, ours: true })
            }
            NicRequest::Network { network, .. } => {
                Err(Error::not_found(format!("Network {network} could not be found.")))
            }
            NicRequest::Port { port } => match tx.get::<Port>(port) {
                Some(found) if found.server.is_none() => {
                    Ok(PortPlan { port: port.clone(), network: found.network.clone(), fixed_ip: None, ours: false })
                }
                Some(_) => Err(Error::conflict(format!("Port {port} is still in use."))),
                None => Err(Error::not_found(format!("Port id {port} could not be found."))),
            },
        };
        wanted.unwrap_or(&whatever).iter().map(one).collect()
    }

    fn resolve_groups(&self, _: &mut Tx, _: &ProjectId, names: &[String]) -> Result<Vec<String>> {
        match names.iter().find(|n| *n == "unknown") {
            Some(name) => Err(Error::not_found(format!("Security group {name} not found."))),
            None if names.is_empty() => Ok(vec!["default".into()]),
            None => Ok(names.to_vec()),
        }
    }

    fn bind(&self, tx: &mut Tx, bind: &BindPorts) -> Result<Vec<BoundPort>> {
        let mut all = Vec::new();
        for plan in &bind.plan {
            let known = tx.get::<Port>(&plan.port).map_or_else(|| Port::free(&plan.port), |p| Port::clone(&p));
            let mut port = Port {
                server: Some(bind.server.clone()),
                host: Some(bind.host.clone()),
                ours: plan.ours,
                limits: bind.limits,
                ..known
            };
            if plan.ours {
                port.groups = bind.groups.iter().cloned().collect();
            }
            all.push(bound(&port));
            tx.put(port);
        }
        Ok(all)
    }

    fn cross(&self, tx: &mut Tx, server: &ServerId, host: &HostName, how: Crossing) -> Result<()> {
        for port in of(tx.view(), server) {
            tx.update::<Port>(&port.id, |p| match how {
                Crossing::Await => p.awaited = Some(host.clone()),
                Crossing::Arrived => (p.host, p.awaited) = (Some(host.clone()), None),
                Crossing::GiveUp => p.awaited = None,
            });
        }
        Ok(())
    }

    fn limit(&self, tx: &mut Tx, server: &ServerId, limits: NicLimits) -> Result<()> {
        for port in of(tx.view(), server) {
            tx.update::<Port>(&port.id, |p| p.limits = limits);
        }
        Ok(())
    }

    fn limited_otherwise(&self, snapshot: &Snapshot, server: &ServerId, limits: NicLimits) -> bool {
        of(snapshot, server).iter().any(|p| p.limits != limits)
    }

    fn bound(&self, snapshot: &Snapshot, server: &ServerId) -> Vec<BoundPort> {
        of(snapshot, server).iter().map(|p| bound(p)).collect()
    }

    async fn wait_ready(&self, _: &[PortId], _: Duration) -> Result<()> {
        self.broken.lock().clone().map_or(Ok(()), Err)
    }

    fn set_plugged(&self, tx: &mut Tx, port: &PortId, plugged: bool) -> Result<()> {
        tx.update::<Port>(port, |p| p.plugged = plugged);
        Ok(())
    }

    fn release(&self, tx: &mut Tx, server: &ServerId, only: Option<&PortId>) -> Result<()> {
        for port in of(tx.view(), server).iter().filter(|p| only.is_none_or(|id| p.id == *id)) {
            if port.ours {
                tx.delete::<Port>(&port.id);
            } else {
                tx.put(Port { server: None, host: None, plugged: false, ..Port::clone(port) });
            }
        }
        Ok(())
    }

    fn unbind(&self, tx: &mut Tx, server: &ServerId) -> Result<()> {
        for port in of(tx.view(), server) {
            tx.put(Port { host: None, plugged: false, ..Port::clone(&port) });
        }
        Ok(())
    }

    fn addresses(&self, snapshot: &Snapshot, server: &ServerId) -> Vec<Address> {
        let address = |p: &Arc<Port>| Address {
            network_name: "net".into(),
            port: p.id.clone(),
            mac: "fa:16:3e:00:00:01".into(),
            address: ADDRESS.parse().unwrap(),
            kind: AddressKind::Fixed,
        };
        of(snapshot, server).iter().map(address).collect()
    }

    fn floating(&self, snapshot: &Snapshot) -> BTreeMap<PortId, Vec<IpAddr>> {
        let some = |p: &Arc<Port>| p.server.is_some() && !p.floating.is_empty();
        snapshot.all::<Port>().filter(some).map(|p| (p.id.clone(), p.floating.clone())).collect()
    }

    fn floating_changed(&self, batch: &Batch) -> bool {
        batch.of::<Port>().any(|c| c.old.map(|p| p.floating.clone()) != c.new.map(|p| p.floating.clone()))
    }

    fn interfaces(&self, snapshot: &Snapshot, server: &ServerId) -> Vec<PortView> {
        let view = |p: &Arc<Port>| PortView {
            port: p.id.clone(),
            network: p.network.clone(),
            mac: "fa:16:3e:00:00:01".into(),
            status: if p.plugged { "ACTIVE" } else { "DOWN" }.into(),
            fixed_ips: vec![("33333333-3333-4333-8333-333333333333".into(), ADDRESS.parse::<IpAddr>().unwrap())],
            tag: None,
        };
        of(snapshot, server).iter().map(view).collect()
    }

    fn group_names(&self, snapshot: &Snapshot, server: &ServerId) -> Vec<String> {
        let all: BTreeSet<String> = of(snapshot, server).iter().flat_map(|p| p.groups.clone()).collect();
        all.into_iter().collect()
    }

    fn change_group(&self, _: &Ctx, tx: &mut Tx, server: &ServerId, group: &str, add: bool) -> Result<()> {
        for port in of(tx.view(), server) {
            tx.update::<Port>(&port.id, |p| {
                if add {
                    p.groups.insert(group.into())
                } else {
                    p.groups.remove(group)
                };
            });
        }
        Ok(())
    }
}
