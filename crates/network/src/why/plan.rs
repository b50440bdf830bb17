//! The logical network by the keys that a walk asks for.

use super::What;
use crate::driver::{
    LFloatingIp, LGateway, LNetwork, LPort, LPortForwarding, LRouter, LRouterInterface, LSecurityGroup, LSubnet,
    Logical, PortRole,
};
use crate::model::port_forwarding::Protocol;
use ipnet::IpNet;
use kernel::{NetworkId, PortId, RouterId, SecurityGroupId, SubnetId};
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
};

#[derive(Default)]
pub struct Plan {
    pub(super) networks: HashMap<NetworkId, LNetwork>,
    pub(super) subnets: HashMap<SubnetId, LSubnet>,
    pub(super) groups: HashMap<SecurityGroupId, LSecurityGroup>,
    pub(super) ports: HashMap<PortId, LPort>,
    pub(super) routers: HashMap<RouterId, LRouter>,
    interfaces: Vec<LRouterInterface>,
    floating_ips: Vec<LFloatingIp>,
    forwardings: Vec<LPortForwarding>,
}

/// A router's end on a network.
#[derive(Clone, Copy)]
pub(super) enum Link<'a> {
    Interface(&'a LRouterInterface),
    Gateway(&'a LRouter, &'a LGateway),
}

impl<'a> Link<'a> {
    pub(super) fn router(self) -> &'a RouterId {
        match self {
            Self::Interface(i) => &i.router,
            Self::Gateway(router, _) => &router.id,
        }
    }
    pub(super) fn network(self) -> &'a NetworkId {
        match self {
            Self::Interface(i) => &i.network,
            Self::Gateway(_, gateway) => &gateway.network,
        }
    }
    pub(super) fn mac(self) -> &'a str {
        match self {
            Self::Interface(i) => &i.mac,
            Self::Gateway(_, gateway) => &gateway.mac,
        }
    }
    pub(super) fn addresses(self) -> &'a [IpNet] {
        match self {
            Self::Interface(i) => &i.addresses,
            Self::Gateway(_, gateway) => &gateway.addresses,
        }
    }
    pub(super) fn has(self, address: IpAddr) -> bool {
        self.addresses().iter().any(|net| net.addr() == address)
    }
}

impl FromIterator<Logical> for Plan {
    fn from_iter<I: IntoIterator<Item = Logical>>(objects: I) -> Self {
        let mut plan = Self::default();
        for object in objects {
            match object {
                Logical::Network(o) => drop(plan.networks.insert(o.id.clone(), o)),
                Logical::Subnet(o) => drop(plan.subnets.insert(o.id.clone(), o)),
                Logical::SecurityGroup(o) => drop(plan.groups.insert(o.id.clone(), o)),
                Logical::Port(o) => drop(plan.ports.insert(o.id.clone(), o)),
                Logical::Router(o) => drop(plan.routers.insert(o.id.clone(), o)),
                Logical::RouterInterface(o) => plan.interfaces.push(o),
                Logical::FloatingIp(o) => plan.floating_ips.push(o),
                Logical::PortForwarding(o) => plan.forwardings.push(o),
            }
        }
        plan
    }
}

impl Plan {
    pub(super) fn links_of<'a>(&'a self, router: &'a LRouter) -> impl Iterator<Item = Link<'a>> {
        let own = self.interfaces.iter().filter(|i| i.router == router.id).map(Link::Interface);
        own.chain(router.gateways().map(move |gateway| Link::Gateway(router, gateway)))
    }

    /// The router's end that answers for an address on a network: its own, or a translated one.
    pub(super) fn link_at(&self, network: &NetworkId, address: IpAddr) -> Option<Link<'_>> {
        let links = self.routers.values().flat_map(|router| self.links_of(router));
        links.filter(|link| link.network() == network).find(|link| link.has(address) || self.translates(*link, address))
    }

    fn translates(&self, link: Link<'_>, address: IpAddr) -> bool {
        match (link, address) {
            (Link::Gateway(router, _), IpAddr::V4(v4)) => {
                let forwards = |f: &LPortForwarding| f.router == router.id && f.external == v4;
                self.floating_at(&router.id, v4).is_some() || self.forwardings.iter().any(forwards)
            }
            _ => false,
        }
    }

    /// The guest's port that has an address on a network.
    pub(super) fn port_at(&self, network: &NetworkId, address: IpAddr) -> Option<&LPort> {
        let on = |p: &&LPort| p.network == *network;
        self.ports.values().filter(on).find(|p| p.addresses.iter().any(|(a, _)| *a == address))
    }

    /// A port that may answer for an address which is not its own.
    pub(super) fn port_for(&self, network: &NetworkId, address: IpAddr) -> Option<&LPort> {
        let on = |p: &&LPort| p.network == *network && p.role == PortRole::Guest;
        self.ports.values().filter(on).find(|p| p.allowed_pairs.iter().any(|(_, net)| host(*net) == Some(address)))
    }

    pub(super) fn floating_at(&self, router: &RouterId, external: Ipv4Addr) -> Option<&LFloatingIp> {
        self.floating_ips.iter().find(|f| f.router == *router && f.external == external)
    }

    /// The port forwarding that a packet is for, and the guest's port that it leads to.
    pub(super) fn forwarded_at(&self, router: &RouterId, to: Ipv4Addr, what: What) -> Option<(&LPortForwarding, u16)> {
        let (protocol, port) = match what {
            What::Tcp(port) => (Protocol::Tcp, port),
            What::Udp(port) => (Protocol::Udp, port),
            What::Ping | What::Other(_) => return None,
        };
        let mut here = self.forwardings.iter().filter(|f| f.router == *router && f.external == to);
        here.find_map(|f| {
            let (_, internal) = f.pairs().find(|(external, _)| f.protocol == protocol && *external == port)?;
            Some((f, internal))
        })
    }

    pub(super) fn floating_of(&self, router: &RouterId, internal: Ipv4Addr) -> Option<&LFloatingIp> {
        self.floating_ips.iter().find(|f| f.router == *router && f.internal == internal)
    }

    /// The ports of an address, wherever it is: a guest's own, or the one behind a floating IP.
    pub fn ports_of(&self, address: IpAddr) -> Vec<&PortId> {
        let own = self.ports.values().filter(|p| p.addresses.iter().any(|(a, _)| *a == address)).map(|p| &p.id);
        let behind = self.floating_ips.iter().filter(|f| IpAddr::V4(f.external) == address).map(|f| &f.port);
        own.chain(behind).collect()
    }

    /// The provider network on which an address is, or would be.
    pub fn outside_of(&self, address: IpAddr) -> Option<&NetworkId> {
        let provider = |s: &&LSubnet| self.networks.get(&s.network).is_some_and(LNetwork::is_provider);
        let found = self.subnets.values().filter(provider).find(|s| s.cidr.contains(&address));
        let any = || self.routers.values().find_map(|r| r.gateway.as_ref()).map(|gateway| &gateway.network);
        found.map(|s| &s.network).or_else(any)
    }

    /// An address by which a port is spoken to.
    pub fn address_of(&self, port: &PortId, v6: bool) -> Option<IpAddr> {
        self.ports.get(port)?.addresses.iter().map(|(a, _)| *a).find(|a| a.is_ipv6() == v6)
    }

    pub fn port(&self, id: &PortId) -> Option<&LPort> {
        self.ports.get(id)
    }
}

fn host(net: IpNet) -> Option<IpAddr> {
    (net.prefix_len() == net.max_prefix_len()).then_some(net.addr())
}
