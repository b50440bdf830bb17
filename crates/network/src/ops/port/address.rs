//! Which addresses a port gets.
//!
//! Asked for nothing, a port gets one IPv4 address, one stateful IPv6 address, and the address it makes itself on every subnet
//! with automatic addresses. Asked for addresses or subnets, it gets those, and the automatic ones all the same.

use crate::{
    error::NetError,
    model::{
        Network, Port, Resource, Subnet,
        address::{AddressClaim, eui64, host_fits, is_eui64, pick},
        port::{FixedIp, owner},
    },
};
use kernel::{PortId, Result, SubnetId};
use serde::Deserialize;
use std::{net::IpAddr, sync::Arc};
use store::Tx;

/// An element of `fixed_ips` as it is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct AskedIp {
    pub subnet_id: Option<SubnetId>,
    pub ip_address: Option<IpAddr>,
}

impl AskedIp {
    /// Any address of a subnet.
    pub fn on(subnet: &SubnetId) -> Self {
        Self { subnet_id: Some(subnet.clone()), ip_address: None }
    }

    pub fn exactly(ip: &FixedIp) -> Self {
        Self { subnet_id: Some(ip.subnet.clone()), ip_address: Some(ip.address) }
    }
}

/// Who gets the addresses.
struct For<'a> {
    network: &'a Network,
    port: &'a PortId,
    mac: &'a str,
    owner: &'a str,
}

impl For<'_> {
    /// Routers choose their addresses even where hosts make theirs.
    fn is_router(&self) -> bool {
        matches!(self.owner, owner::ROUTER_INTERFACE | owner::ROUTER_GATEWAY)
    }
}

/// Claims addresses for a new port.
pub(crate) fn assign(
    tx: &mut Tx,
    network: &Network,
    port: &PortId,
    mac: &str,
    device_owner: &str,
    asked: Option<&[AskedIp]>,
) -> Result<Vec<FixedIp>> {
    let who = For { network, port, mac, owner: device_owner };
    let subnets = subnets_of(tx, network)?;
    let mut given = Vec::new();
    match asked {
        Some(asked) => {
            for one in asked {
                given.extend(claim_asked(tx, &who, &subnets, one)?);
            }
        }
        None => given.extend(claim_usual(tx, &who, &subnets)?),
    }
    claim_automatic(tx, &who, &subnets, &mut given)?;
    Ok(given)
}

/// Changes a port's addresses to what is asked for. An address that is asked for by subnet only keeps the port's address
/// there; automatic addresses stay whether or not they are asked for.
pub(crate) fn reassign(
    tx: &mut Tx,
    network: &Network,
    port: &Port,
    mac: &str,
    asked: &[AskedIp],
) -> Result<Vec<FixedIp>> {
    let who = For { network, port: &port.id, mac, owner: &port.device_owner };
    let subnets = subnets_of(tx, network)?;
    let mut old = port.fixed_ips.clone();
    let mut kept = Vec::new();
    let mut open = Vec::new();
    for one in asked {
        let same = |ip: &FixedIp| match one.ip_address {
            Some(address) => ip.address == address,
            None => one.subnet_id.as_ref() == Some(&ip.subnet) && !(mac != port.mac && is_eui64(ip.address)),
        };
        match old.iter().position(same) {
            Some(at) => kept.push(old.remove(at)),
            None => open.push(one),
        }
    }
    for ip in old {
        let automatic = subnets.iter().any(|s| s.id == ip.subnet && s.is_auto_address());
        if automatic && !who.is_router() && mac == port.mac {
            kept.push(ip);
        } else {
            release_one(tx, port, &ip);
        }
    }
    for one in open {
        kept.extend(claim_asked(tx, &who, &subnets, one)?);
    }
    claim_automatic(tx, &who, &subnets, &mut kept)?;
    Ok(kept)
}

pub(crate) fn release_one(tx: &mut Tx, port: &Port, ip: &FixedIp) {
    let id = AddressClaim::id(&port.network, ip.address);
    if tx.get::<AddressClaim>(&id).is_some_and(|claim| claim.port == port.id) {
        tx.delete::<AddressClaim>(&id);
    }
}

fn subnets_of(tx: &mut Tx, network: &Network) -> Result<Vec<Arc<Subnet>>> {
    let subnets: Vec<_> = network.subnets.iter().filter_map(|id| tx.get::<Subnet>(id)).collect();
    Ok(subnets)
}

fn claim_asked(tx: &mut Tx, who: &For<'_>, subnets: &[Arc<Subnet>], asked: &AskedIp) -> Result<Option<FixedIp>> {
    let subnet = subnet_for(tx, who, subnets, asked)?;
    let Some(address) = asked.ip_address else {
        if subnet.is_auto_address() && !who.is_router() {
            return Ok(None); // it gets the automatic one
        }
        return claim_any(tx, who, &[&subnet]).map(Some);
    };
    let own = || eui64(&subnet.cidr, who.mac) == Some(address);
    if subnet.is_auto_address() && !who.is_router() && !own() {
        return Err(NetError::AllocationOnAutoAddressSubnet { address, subnet: subnet.id.to_string() }.into());
    }
    claim_this(tx, who, &subnet, address).map(Some)
}

/// The subnet that a request means.
fn subnet_for(tx: &mut Tx, who: &For<'_>, subnets: &[Arc<Subnet>], asked: &AskedIp) -> Result<Arc<Subnet>> {
    if subnets.is_empty() {
        return Err(NetError::input("IP allocation requires subnets for network").into());
    }
    let network = &who.network.id;
    let router = who.is_router() || who.owner.is_empty();
    if let Some(id) = &asked.subnet_id {
        let Some(subnet) = subnets.iter().find(|s| s.id == *id) else {
            tx.get::<Subnet>(id).ok_or_else(|| Subnet::not_found(id))?;
            let text =
                format!("Failed to create port on network {network}, because fixed_ips included invalid subnet {id}");
            return Err(NetError::input(text).into());
        };
        return match asked.ip_address {
            Some(address) if !host_fits(&subnet.cidr, address, router) => {
                Err(NetError::InvalidIpForSubnet { address }.into())
            }
            _ => Ok(Arc::clone(subnet)),
        };
    }
    let address = asked.ip_address.ok_or_else(|| NetError::input("IP allocation requires subnet_id or ip_address"))?;
    let found = subnets.iter().find(|s| host_fits(&s.cidr, address, router));
    found.cloned().ok_or_else(|| NetError::InvalidIpForNetwork { address }.into())
}

/// One address of IPv4 and one of stateful IPv6, each from the first subnet that has one left.
fn claim_usual(tx: &mut Tx, who: &For<'_>, subnets: &[Arc<Subnet>]) -> Result<Vec<FixedIp>> {
    let mut eligible: Vec<_> = subnets.iter().filter(|s| s.serves(who.owner)).map(Arc::as_ref).collect();
    if eligible.is_empty() && !subnets.is_empty() {
        let (network, service_type) = (who.network.id.to_string(), who.owner.to_owned());
        return Err(NetError::IpAddressGenerationFailureNoMatchingSubnet { network, service_type }.into());
    }
    // Subnets meant for this kind of port come first.
    eligible.sort_by_key(|s| s.service_types.is_empty());
    let mut given = Vec::new();
    for v6 in [false, true] {
        let family: Vec<_> =
            eligible.iter().copied().filter(|s| s.is_v6() == v6 && !(v6 && s.is_auto_address())).collect();
        if !family.is_empty() {
            given.push(claim_any(tx, who, &family)?);
        }
    }
    Ok(given)
}

/// Some free address of the first subnet that has one.
fn claim_any(tx: &mut Tx, who: &For<'_>, subnets: &[&Subnet]) -> Result<FixedIp> {
    let network = &who.network.id;
    for subnet in subnets {
        let view = tx.view().clone();
        let seed = format!("{}{}", who.port, subnet.id);
        let taken = |address| tx.get::<AddressClaim>(&AddressClaim::id(network, address)).is_some();
        let used = |first, last| AddressClaim::between(&view, network, first, last);
        if let Some(address) = pick(&subnet.pools, &seed, taken, used) {
            return claim_this(tx, who, subnet, address);
        }
    }
    Err(NetError::IpAddressGenerationFailure { network: network.to_string() }.into())
}

fn claim_this(tx: &mut Tx, who: &For<'_>, subnet: &Subnet, address: IpAddr) -> Result<FixedIp> {
    if subnet.deleting {
        return Err(NetError::Deleting { what: "subnet", id: subnet.id.to_string() }.into());
    }
    let (network, subnet) = (who.network.id.clone(), subnet.id.clone());
    let claim = AddressClaim { network, subnet: subnet.clone(), address, port: who.port.clone() };
    match tx.get::<AddressClaim>(&AddressClaim::id(&claim.network, address)) {
        Some(_) => Err(NetError::IpAddressInUse { network: claim.network.to_string(), address }.into()),
        None => {
            tx.put(claim);
            Ok(FixedIp { subnet, address })
        }
    }
}

/// The addresses that hosts make themselves. They are claimed too, lest somebody is given one of them.
fn claim_automatic(tx: &mut Tx, who: &For<'_>, subnets: &[Arc<Subnet>], given: &mut Vec<FixedIp>) -> Result<()> {
    if who.is_router() {
        return Ok(());
    }
    for subnet in subnets.iter().filter(|s| s.is_auto_address()) {
        if let Some(address) = eui64(&subnet.cidr, who.mac).filter(|a| !given.iter().any(|ip| ip.address == *a)) {
            given.push(claim_this(tx, who, subnet, address)?);
        }
    }
    Ok(())
}

/// Gives a port the address it makes itself on a subnet that has just come; `None` if it gets none there.
pub(crate) fn claim_on_new(tx: &mut Tx, network: &Network, port: &Port, subnet: &Subnet) -> Result<Option<FixedIp>> {
    let who = For { network, port: &port.id, mac: &port.mac, owner: &port.device_owner };
    match eui64(&subnet.cidr, &port.mac).filter(|_| !who.is_router()) {
        Some(address) => claim_this(tx, &who, subnet, address).map(Some),
        None => Ok(None),
    }
}
