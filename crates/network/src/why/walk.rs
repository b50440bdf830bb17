//! The packet's way, object by object.

use super::{
    Answer, Arrival, Origin, Plan, Question, Step, What,
    filter::{self, Seen},
    plan::Link,
};
use crate::driver::{Direction, LFloatingIp, LGateway, LPort, LPortForwarding, LRouter, LogicalKey, PortRole};
use ipnet::IpNet;
use kernel::NetworkId;
use std::net::IpAddr;

/// Routers that a packet passes at most; more is a loop.
const HOPS: usize = 16;

struct Walk<'a> {
    plan: &'a Plan,
    source: IpAddr,
    to: IpAddr,
    what: What,
    steps: Vec<Step>,
    first_hop: Option<String>,
    on_wire: bool,
    hops: usize,
}

/// `Err`: it was stopped; the last step says why.
type Way = Result<Arrival, ()>;

pub(super) fn walk(plan: &Plan, question: &Question) -> Answer {
    let Question { from, to, what } = question;
    let mut walk =
        Walk { plan, source: *to, to: *to, what: *what, steps: Vec::new(), first_hop: None, on_wire: false, hops: 0 };
    let arrives = match from {
        Origin::Port(id) => match plan.ports.get(id) {
            Some(port) => walk.leaves(port),
            None => walk.stops(&LogicalKey::Port(id.clone()), "there is no such port in the data plane"),
        },
        Origin::Outside { network, address } => {
            walk.source = *address;
            walk.delivers(network, *to)
        }
    };
    let arrives = arrives.unwrap_or(Arrival::Stopped);
    Answer { arrives, steps: walk.steps, source: walk.source, on_wire: walk.on_wire, first_hop: walk.first_hop }
}

/// Where a router sends a packet on, and to whom.
struct Onward<'a> {
    link: Link<'a>,
    next_hop: IpAddr,
    says: String,
}

impl<'a> Walk<'a> {
    fn says(&mut self, by: &LogicalKey, text: impl Into<String>) {
        self.steps.push(Step::new(by, text));
    }

    fn stops(&mut self, by: &LogicalKey, why: impl Into<String>) -> Way {
        self.says(by, why);
        Err(())
    }

    /// From a guest, by its groups and the routes of its subnet.
    fn leaves(&mut self, port: &'a LPort) -> Way {
        let key = LogicalKey::Port(port.id.clone());
        if !port.admin_up {
            return self.stops(&key, "the port is switched off (admin_state_up is false)");
        }
        let Some((address, subnet)) = port.addresses.iter().find(|(a, _)| a.is_ipv6() == self.to.is_ipv6()) else {
            return self.stops(&key, format!("the port has no address of the family of {}", self.to));
        };
        self.source = *address;
        if port.addresses.iter().any(|(own, _)| *own == self.to) {
            self.says(&key, "it is the port's own address: nothing leaves the guest");
            return Ok(Arrival::Port(port.id.clone()));
        }
        self.filtered(port, Direction::Egress)?;
        let Some(subnet) = self.plan.subnets.get(subnet) else {
            return self.stops(&key, "the subnet of its address is not in the data plane");
        };
        let key = LogicalKey::Subnet(subnet.id.clone());
        if subnet.cidr.contains(&self.to) {
            self.says(&key, format!("{} is on the same subnet {}", self.to, subnet.cidr.trunc()));
            return self.delivers(&port.network, self.to);
        }
        let told = subnet.host_routes.iter().filter(|(net, _)| net.contains(&self.to));
        let told = told.max_by_key(|(net, _)| net.prefix_len());
        match (told, subnet.gateway) {
            (Some((net, via)), _) => {
                self.says(&key, format!("the subnet's host route to {net} leads to {via}"));
                self.delivers(&port.network, *via)
            }
            (None, Some(gateway)) => {
                self.says(&key, format!("the subnet's gateway is {gateway}"));
                self.delivers(&port.network, gateway)
            }
            (None, None) => {
                let why = format!("{} is not on the subnet, which has no gateway and no route to it", self.to);
                self.stops(&key, why)
            }
        }
    }

    fn filtered(&mut self, port: &LPort, direction: Direction) -> Result<(), ()> {
        let key = LogicalKey::Port(port.id.clone());
        let far = if direction == Direction::Egress { self.to } else { self.source };
        match filter::judge(self.plan, port, Seen { direction, far, what: self.what }) {
            Ok(text) => {
                self.says(&key, text);
                Ok(())
            }
            Err(text) => {
                self.says(&key, text);
                Err(())
            }
        }
    }

    /// On a network, to whoever has the address there: the packet's own, or that of its next hop.
    fn delivers(&mut self, network: &'a NetworkId, address: IpAddr) -> Way {
        let key = LogicalKey::Network(network.clone());
        let Some(on) = self.plan.networks.get(network) else {
            return self.stops(&key, "the network is not in the data plane");
        };
        self.on_wire = on.is_provider();
        if !on.admin_up {
            return self.stops(&key, format!("network {} is switched off (admin_state_up is false)", on.name));
        }
        if let Some(port) = self.plan.port_at(network, address).or_else(|| self.plan.port_for(network, address)) {
            self.first_hop.get_or_insert_with(|| port.mac.to_lowercase());
            return self.arrives(port, address);
        }
        if let Some(link) = self.plan.link_at(network, address) {
            self.first_hop.get_or_insert_with(|| link.mac().to_lowercase());
            return self.enters(link);
        }
        if on.is_provider() {
            self.says(&key, format!("{address} is none of ours: it leaves on provider network {}", on.name));
            return Ok(Arrival::Outside(network.clone()));
        }
        self.stops(&key, format!("nobody on network {} has {address}", on.name))
    }

    fn arrives(&mut self, port: &LPort, address: IpAddr) -> Way {
        let key = LogicalKey::Port(port.id.clone());
        if !port.admin_up {
            return self.stops(&key, "the port is switched off (admin_state_up is false)");
        }
        if !takes(port, self.to) {
            let why = format!(
                "it is the next hop to {}, but its port takes only what is for its own addresses: it needs an allowed address pair, or no port security",
                self.to
            );
            return self.stops(&key, why);
        }
        self.filtered(port, Direction::Ingress)?;
        if address != self.to {
            self.says(&key, format!("the guest there is the next hop to {}; what it does with it is its own", self.to));
        } else if port.host.is_none() && port.carrier.is_none() && port.role == PortRole::Guest {
            self.says(&key, "no host has the port yet: it will be there when a guest is started with it");
        }
        Ok(Arrival::Port(port.id.clone()))
    }

    /// Into a router, by one of its ends.
    fn enters(&mut self, by: Link<'a>) -> Way {
        let key = LogicalKey::Router(by.router().clone());
        let Some(router) = self.plan.routers.get(by.router()) else {
            return self.stops(&key, "the router is not in the data plane");
        };
        if !router.admin_up {
            return self.stops(&key, format!("router {} is switched off (admin_state_up is false)", router.name));
        }
        self.hops += 1;
        if self.hops > HOPS {
            return self.stops(&key, format!("{HOPS} routers were passed: the routes lead in a circle"));
        }
        if let Some(fip) = self.floating(by) {
            let to = IpAddr::V4(fip.internal);
            let text = format!("floating IP {} stands for {to}", fip.external);
            self.says(&LogicalKey::FloatingIp(fip.id.clone()), text);
            self.to = to;
        } else if let Some((forwarding, port)) = self.forwarded(by) {
            let to = IpAddr::V4(forwarding.internal);
            let text = format!("{} forwards {} to port {port} of {to}", forwarding.external, self.what);
            self.says(&LogicalKey::PortForwarding(forwarding.id.clone()), text);
            self.to = to;
            self.what = match self.what {
                What::Udp(_) => What::Udp(port),
                _ => What::Tcp(port),
            };
        } else if self.plan.links_of(router).any(|link| link.has(self.to)) {
            return match self.what {
                What::Ping => {
                    self.says(&key, format!("router {} has {} and answers", router.name, self.to));
                    Ok(Arrival::Router(router.id.clone()))
                }
                what => {
                    let why = format!("{} is router {}'s own address, which takes no {what}", self.to, router.name);
                    self.stops(&key, why)
                }
            };
        }
        let Some(onward) = self.route(router) else {
            return self.stops(&key, format!("router {} has no route to {}", router.name, self.to));
        };
        self.says(&key, onward.says);
        if let Link::Gateway(_, gateway) = onward.link {
            self.translated(router, gateway);
        }
        self.delivers(onward.link.network(), onward.next_hop)
    }

    /// The floating IP that a packet from outside is for.
    fn floating(&self, by: Link<'a>) -> Option<&'a LFloatingIp> {
        match (by, self.to) {
            (Link::Gateway(router, _), IpAddr::V4(to)) => self.plan.floating_at(&router.id, to),
            _ => None,
        }
    }

    /// The port forwarding that a packet from outside is for.
    fn forwarded(&self, by: Link<'a>) -> Option<(&'a LPortForwarding, u16)> {
        match (by, self.to) {
            (Link::Gateway(router, _), IpAddr::V4(to)) => self.plan.forwarded_at(&router.id, to, self.what),
            _ => None,
        }
    }

    /// The longest prefix; what is connected wins over what somebody wrote.
    fn route(&self, router: &'a LRouter) -> Option<Onward<'a>> {
        let links: Vec<_> = self.plan.links_of(router).collect();
        let mut found: Option<(u8, Onward<'a>)> = None;
        let mut offer = |net: IpNet, onward: Onward<'a>| {
            let better = found.as_ref().is_none_or(|(length, _)| net.prefix_len() > *length);
            if net.contains(&self.to) && better {
                found = Some((net.prefix_len(), onward));
            }
        };
        for link in &links {
            for net in link.addresses().iter().map(IpNet::trunc) {
                let says = format!("router {} is connected to {net}", router.name);
                offer(net, Onward { link: *link, next_hop: self.to, says });
            }
        }
        let reaches = |via: IpAddr| links.iter().find(|link| link.addresses().iter().any(|net| net.contains(&via)));
        for (net, via) in &router.routes {
            if let Some(link) = reaches(*via) {
                let says = format!("router {}'s route to {net} leads to {via}", router.name);
                offer(*net, Onward { link: *link, next_hop: *via, says });
            }
        }
        for via in router.gateways().flat_map(|gateway| &gateway.next_hops) {
            let everywhere: IpNet =
                if via.is_ipv4() { ipnet::Ipv4Net::default().into() } else { ipnet::Ipv6Net::default().into() };
            if let Some(link) = links.iter().find(|link| matches!(link, Link::Gateway(..))) {
                let says = format!("router {} sends what it knows no route for to its gateway {via}", router.name);
                offer(everywhere, Onward { link: *link, next_hop: *via, says });
            }
        }
        found.map(|(_, onward)| onward)
    }

    /// What leaves by a gateway leaves with an address of the outside, where there is one for it.
    fn translated(&mut self, router: &LRouter, gateway: &LGateway) {
        let IpAddr::V4(source) = self.source else { return };
        if let Some(fip) = self.plan.floating_of(&router.id, source) {
            let text = format!("floating IP {} is what {source} is seen as outside", fip.external);
            self.says(&LogicalKey::FloatingIp(fip.id.clone()), text);
            self.source = fip.external.into();
            return;
        }
        let external = gateway.addresses.iter().map(IpNet::addr).find(IpAddr::is_ipv4);
        let Some(external) = external.filter(|_| gateway.snat) else { return };
        if gateway.snat_sources.iter().any(|net| net.contains(&self.source)) {
            let key = LogicalKey::Router(router.id.clone());
            self.says(&key, format!("router {} translates {source} to {external} (SNAT)", router.name));
            self.source = external;
        }
    }
}

/// Port security is about what a guest receives too: its own addresses and those of its pairs.
fn takes(port: &LPort, to: IpAddr) -> bool {
    let own = port.addresses.iter().any(|(address, _)| *address == to);
    let pair = || port.allowed_pairs.iter().any(|(_, net)| net.contains(&to));
    !port.port_security || port.role != PortRole::Guest || own || pair()
}
