use super::{onto_ports, validate};
use crate::{
    Network as Service,
    error::NetError,
    model::{
        AddressScopeId, Network, Resource, SegmentId, Standard, Subnet, SubnetPool, SubnetPoolId,
        address::{Pool, check_pools, default_pools, outside_pools},
        address_scope, quota,
        subnet::{Mode, Route},
    },
    ops::{
        access::{On, Reach, authorize, see},
        common::{Asked, Env, write_all},
        network::{carries, metadata},
    },
    policy::subnet as rules,
};
use ipnet::IpNet;
use kernel::{Ctx, NetworkId, ProjectId, Result, SubnetId};
use serde::Deserialize;
use std::{net::IpAddr, sync::Arc};
use store::{Snapshot, Tx};

/// A subnet asked for, with what the API fills in.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NewSubnet {
    pub name: String,
    pub description: String,
    pub network_id: NetworkId,
    /// 4 or 6.
    pub ip_version: u8,
    pub cidr: Option<IpNet>,
    pub prefixlen: Option<u8>,
    #[serde(default, deserialize_with = "crate::ops::common::given")]
    pub gateway_ip: Option<Option<IpAddr>>,
    pub allocation_pools: Option<Vec<Pool>>,
    pub dns_nameservers: Option<Vec<IpAddr>>,
    pub host_routes: Option<Vec<Route>>,
    pub enable_dhcp: bool,
    pub ipv6_ra_mode: Option<Mode>,
    pub ipv6_address_mode: Option<Mode>,
    pub subnetpool_id: Option<SubnetPoolId>,
    pub use_default_subnetpool: bool,
    pub service_types: Option<Vec<String>>,
    pub dns_publish_fixed_ip: bool,
    pub segment_id: Option<SegmentId>,
}

impl NewSubnet {
    /// An IPv4 subnet with DHCP and nothing said.
    pub fn on(network: &NetworkId) -> Self {
        Self {
            name: String::new(),
            description: String::new(),
            network_id: network.clone(),
            ip_version: 4,
            cidr: None,
            prefixlen: None,
            gateway_ip: None,
            allocation_pools: None,
            dns_nameservers: None,
            host_routes: None,
            enable_dhcp: true,
            ipv6_ra_mode: None,
            ipv6_address_mode: None,
            subnetpool_id: None,
            use_default_subnetpool: false,
            service_types: None,
            dns_publish_fixed_ip: false,
            segment_id: None,
        }
    }
}

/// Makes subnets, all or none.
pub async fn create(net: &Service, cx: &Ctx, asked: Vec<Asked<NewSubnet>>) -> Result<Vec<Arc<Subnet>>> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let mut ready = Vec::new();
    for one in asked {
        let network = see::<Network>(cx, &snapshot, &reach, &one.body.network_id)?;
        let on = On { network: Some(&network.id), ..On::new(&snapshot, &reach, &one.project) };
        let _permit = authorize(cx, rules::ALL, &rules::CREATE, &one.set, &on)?;
        let pool = pool_of(cx, &snapshot, &reach, &one.body)?;
        check(&one.body, pool.is_some(), net)?;
        ready.push((one, pool));
    }
    write_all(net, "network.subnet.create", ready, |tx, env, (one, pool)| {
        insert(tx, env, &SubnetId::new(), &one.project, &one.body, pool.as_ref())
    })
    .await
}

/// The pool that a request means, if any; one that the caller sees.
fn pool_of(cx: &Ctx, snapshot: &Snapshot, reach: &Reach, new: &NewSubnet) -> Result<Option<SubnetPoolId>> {
    match (&new.subnetpool_id, new.use_default_subnetpool) {
        (Some(_), true) => {
            Err(NetError::subnets("subnetpool_id and use_default_subnetpool cannot both be specified").into())
        }
        (Some(id), false) => see::<SubnetPool>(cx, snapshot, reach, id).map(|p| Some(p.id.clone())),
        (None, false) => Ok(None),
        (None, true) => {
            let version = new.cidr.map_or(new.ip_version, |c| if c.addr().is_ipv6() { 6 } else { 4 });
            let pool = snapshot.all::<SubnetPool>().find(|p| p.is_default && p.ip_version() == version);
            let none = || NetError::subnets(format!("No default subnetpool found for IPv{version}"));
            Ok(Some(pool.ok_or_else(none)?.id.clone()))
        }
    }
}

/// What can be judged without the pool's and the network's state.
fn check(new: &NewSubnet, from_pool: bool, net: &Service) -> Result<()> {
    if new.cidr.is_some() && new.prefixlen.is_some() {
        return Err(NetError::subnets("cidr and prefixlen must not be supplied together").into());
    }
    if new.cidr.is_none() && !from_pool {
        return Err(NetError::subnets("a subnetpool must be specified in the absence of a cidr").into());
    }
    if new.cidr.is_none() && new.allocation_pools.is_some() {
        return Err(NetError::subnets("allocation_pools allowed only for specific subnet requests.").into());
    }
    let v6 = new.ip_version == 6;
    if let Some(cidr) = &new.cidr {
        validate::prefix(cidr, v6, new.enable_dhcp)?;
    }
    validate::nameservers(new.dns_nameservers.as_deref().unwrap_or_default(), v6, "new subnet", net.settings())?;
    validate::host_routes(new.host_routes.as_deref().unwrap_or_default(), v6, "new subnet", net.settings())?;
    validate::service_types(new.service_types.as_deref().unwrap_or_default())
}

/// Writes a subnet with all that follows from it.
pub(crate) fn insert(
    tx: &mut Tx,
    env: &Env,
    id: &SubnetId,
    project: &ProjectId,
    new: &NewSubnet,
    pool: Option<&SubnetPoolId>,
) -> Result<Arc<Subnet>> {
    let network = tx.get::<Network>(&new.network_id).ok_or_else(|| Network::not_found(&new.network_id))?;
    if network.deleting {
        return Err(NetError::Deleting { what: "network", id: network.id.to_string() }.into());
    }
    quota::claim(tx, project, "subnet", 1)?;
    let cidr = prefix_of(tx, project, new, pool)?;
    let siblings: Vec<_> = network.subnets.iter().filter_map(|id| tx.get::<Subnet>(id)).collect();
    let scope = pool.and_then(|id| tx.get::<SubnetPool>(id)).and_then(|p| p.address_scope.clone());
    let networks_scope = address_scope::of_network(tx.view(), &network, if cidr.addr().is_ipv6() { 6 } else { 4 });
    validate::segment(&network, new.segment_id.as_ref())?;
    if siblings.iter().any(|s| s.segment.is_some() != new.segment_id.is_some()) {
        return Err(NetError::SubnetsNotAllAssociatedWithSegments { network: network.id.to_string() }.into());
    }
    let affinity = Affinity { pool, scope, networks_scope };
    fits_network(&network, &siblings, &cidr, &affinity)?;
    let subnet = tx.put(made(id, project, new, cidr, pool, env)?);
    let mut network = Network::clone(&network);
    network.subnets.push(id.clone());
    network.standard.touch(env.now);
    let network = tx.put(network);
    onto_ports::came(tx, env, &subnet)?;
    metadata::sync(tx, env, &network.id)?;
    Ok(subnet)
}

/// The prefix asked for, or one cut from the pool.
fn prefix_of(tx: &mut Tx, project: &ProjectId, new: &NewSubnet, pool: Option<&SubnetPoolId>) -> Result<IpNet> {
    let asked = new.cidr.map(|c| c.trunc());
    let Some(id) = pool else {
        return asked
            .ok_or_else(|| NetError::subnets("A cidr must be specified in the absence of a subnet pool").into());
    };
    let pool = tx.get::<SubnetPool>(id).ok_or_else(|| SubnetPool::not_found(id))?;
    if new.ip_version != pool.ip_version() {
        let (asked, has) = (new.ip_version, pool.ip_version());
        return Err(NetError::subnets(format!("Cannot allocate IPv{asked} subnet from IPv{has} subnet pool")).into());
    }
    let cut: Vec<_> = tx.by(Subnet::BY_POOL, id).iter().map(|s| (s.standard.project.clone(), s.cidr)).collect();
    let prefixes: Vec<_> = cut.iter().map(|(_, cidr)| *cidr).collect();
    let cidr = match asked {
        Some(cidr) => pool.cut_this(&cidr, &prefixes).map(|()| cidr)?,
        None => pool.cut_any(new.prefixlen.unwrap_or(pool.default_prefixlen), &prefixes)?,
    };
    if let Some(quota) = pool.default_quota.filter(|q| *q > 0) {
        let own = cut.iter().filter(|(owner, _)| owner == project).map(|(_, c)| c.prefix_len());
        let used: u64 = own.chain([cidr.prefix_len()]).map(|len| pool.quota_units(len)).fold(0, u64::saturating_add);
        if used > quota {
            return Err(NetError::SubnetPoolQuotaExceeded.into());
        }
    }
    tx.put(SubnetPool { serial: pool.serial + 1, ..SubnetPool::clone(&pool) });
    Ok(cidr)
}

/// What a new subnet has in common with the others of its family on the network.
struct Affinity<'a> {
    pool: Option<&'a SubnetPoolId>,
    scope: Option<AddressScopeId>,
    networks_scope: Option<AddressScopeId>,
}

impl Affinity<'_> {
    /// One pool for all, or several pools of one address scope.
    fn check(&self, siblings: impl Iterator<Item = Option<SubnetPoolId>>) -> Result<()> {
        match (&self.networks_scope, self.pool) {
            (Some(network), Some(_)) if self.scope.as_ref() == Some(network) => Ok(()),
            (Some(_), Some(_)) => Err(NetError::NetworkAddressScopeAffinityError.into()),
            (_, pool) if siblings.into_iter().any(|other| other.as_ref() != pool) => {
                Err(NetError::NetworkSubnetPoolAffinityError.into())
            }
            _ => Ok(()),
        }
    }
}

fn fits_network(network: &Network, siblings: &[Arc<Subnet>], cidr: &IpNet, affinity: &Affinity<'_>) -> Result<()> {
    let overlaps = |s: &&Arc<Subnet>| s.cidr.contains(cidr) || cidr.contains(&s.cidr);
    if siblings.iter().find(overlaps).is_some() {
        let id = &network.id;
        let text = format!("Requested subnet with cidr: {cidr} for network: {id} overlaps with another subnet");
        return Err(NetError::input(text).into());
    }
    let v6 = matches!(cidr, IpNet::V6(_));
    affinity.check(siblings.iter().filter(|s| s.is_v6() == v6).map(|s| s.subnetpool.clone()))?;
    carries(&network.id, network.mtu, v6)
}

fn made(
    id: &SubnetId,
    project: &ProjectId,
    new: &NewSubnet,
    cidr: IpNet,
    pool: Option<&SubnetPoolId>,
    env: &Env,
) -> Result<Subnet> {
    let v6 = matches!(cidr, IpNet::V6(_));
    validate::prefix(&cidr, v6, new.enable_dhcp)?;
    validate::modes(&cidr, new.enable_dhcp, new.ipv6_ra_mode, new.ipv6_address_mode)?;
    let gateway = new.gateway_ip.unwrap_or_else(|| Some(usual_gateway(&cidr, new.cidr.is_none())));
    if let Some(gateway) = gateway {
        validate::gateway(&cidr, gateway)?;
    }
    let pools = match &new.allocation_pools {
        None => default_pools(&cidr, gateway),
        Some(pools) => {
            check_pools(pools, &cidr)?;
            if let Some(gateway) = gateway {
                outside_pools(gateway, pools)?;
            }
            pools.clone()
        }
    };
    Ok(Subnet {
        id: id.clone(),
        standard: Standard::new(project, &new.description, env.now),
        name: new.name.clone(),
        network: new.network_id.clone(),
        cidr,
        gateway,
        pools,
        dns: new.dns_nameservers.clone().unwrap_or_default(),
        routes: new.host_routes.clone().unwrap_or_default(),
        dhcp: new.enable_dhcp,
        ra_mode: new.ipv6_ra_mode,
        address_mode: new.ipv6_address_mode,
        subnetpool: pool.cloned(),
        service_types: new.service_types.clone().unwrap_or_default(),
        dns_published: new.dns_publish_fixed_ip,
        segment: new.segment_id.clone(),
        deleting: false,
    })
}

/// IPv4's first host. IPv6's network address, which is the routers' anycast address, unless the prefix was cut from a pool:
/// then the first host too. As in Neutron.
fn usual_gateway(cidr: &IpNet, cut: bool) -> IpAddr {
    match cidr {
        IpNet::V4(net) if net.prefix_len() == 32 => cidr.network(),
        IpNet::V6(_) if !cut => cidr.network(),
        _ => after(cidr.network()),
    }
}

fn after(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(a) => IpAddr::from((u32::from(a).saturating_add(1)).to_be_bytes()),
        IpAddr::V6(a) => IpAddr::from((u128::from(a).saturating_add(1)).to_be_bytes()),
    }
}
