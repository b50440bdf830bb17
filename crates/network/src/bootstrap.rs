//! What a new cloud's network begins with: the rules that security groups start from, an external network, default subnet
//! pools. Made once; what an operator removes or changes afterwards stays so.

use crate::{
    driver::Direction,
    model::{
        DefaultRule, Settings, SubnetPoolId,
        address::Pool,
        quota::QUOTAS,
        security_group::{EtherType, PARENT},
        segment::Wanted,
    },
    ops::{
        access::Reach,
        common::Env,
        default_rule::{self, NewDefaultRule},
        network::create::{NewNetwork, insert as insert_network},
        security_group_rule::create::NewMatch,
        subnet::create::{NewSubnet, insert as insert_subnet},
        subnetpool::create::{NewSubnetPool, insert as insert_pool},
    },
};
use ipnet::IpNet;
use kernel::{Clock, NetworkId, ProjectId, Result, SubnetId};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, net::IpAddr, sync::Arc};
use store::{Key, Object, Store, Tx};

/// What counts for projects without limits of their own.
const DEFAULT_CLASS: &str = "class:default";

/// What to make.
#[derive(Clone, Debug, PartialEq)]
pub struct BootstrapSpec {
    /// Who owns it: the administrators' project.
    pub project: ProjectId,
    pub settings: Settings,
    /// `None`: no external network.
    pub external: Option<ExternalSpec>,
    pub pool_v4: Option<PoolSpec>,
    pub pool_v6: Option<PoolSpec>,
    /// Limits of projects that have none of their own, where they are not the usual ones.
    pub quotas: BTreeMap<String, i64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ExternalSpec {
    pub name: String,
    /// The physical network, flat.
    pub physical: String,
    pub cidr: IpNet,
    /// The address of the host side.
    pub gateway: Option<IpAddr>,
    /// What routers and floating IPs get; all but the gateway if empty.
    pub pools: Vec<Pool>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PoolSpec {
    pub name: String,
    pub prefix: IpNet,
    /// Of a subnet that does not say.
    pub prefixlen: u8,
}

impl BootstrapSpec {
    /// The cloud that `quickstart` makes.
    pub fn usual(project: ProjectId, settings: Settings) -> Self {
        let net = |ip: [u8; 4], len| IpNet::new(IpAddr::from(ip), len).unwrap_or_default();
        let v6 = |first: u16, len| IpNet::new(IpAddr::from([first, 0, 0, 0, 0, 0, 0, 0]), len).unwrap_or_default();
        let external = ExternalSpec {
            name: "public".to_owned(),
            physical: "external".to_owned(),
            cidr: net([172, 24, 4, 0], 24),
            gateway: Some([172, 24, 4, 1].into()),
            pools: Vec::new(),
        };
        let pool = |name: &str, prefix, prefixlen| PoolSpec { name: name.to_owned(), prefix, prefixlen };
        Self {
            project,
            settings,
            external: Some(external),
            pool_v4: Some(pool("default-v4", net([10, 128, 0, 0], 9), 24)),
            pool_v6: Some(pool("default-v6", v6(0xfd00, 48), 64)),
            quotas: BTreeMap::new(),
        }
    }
}

/// That it was done, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bootstrapped {
    pub external: Option<NetworkId>,
}

impl Bootstrapped {
    pub const KEY: &'static str = "region";
}

impl Object for Bootstrapped {
    const KIND: &'static str = "network.bootstrap";
    fn key(&self) -> Key {
        Self::KEY.into()
    }
}

/// Makes what the spec says, unless it was done before. All or nothing, in one transaction.
pub async fn bootstrap(store: &Store, clock: &Arc<dyn Clock>, spec: BootstrapSpec) -> Result<Bootstrapped> {
    let env = Env { now: clock.now(), settings: Arc::new(spec.settings.clone()), enforced: &[] };
    store
        .transact("network.bootstrap", move |tx| match tx.get::<Bootstrapped>(Bootstrapped::KEY) {
            Some(done) => Ok(Bootstrapped::clone(&done)),
            None => begin(tx, &env, &spec),
        })
        .await
}

fn begin(tx: &mut Tx, env: &Env, spec: &BootstrapSpec) -> Result<Bootstrapped> {
    default_rules(tx, env)?;
    if !spec.quotas.is_empty() {
        QUOTAS.set_limits(tx, DEFAULT_CLASS, &spec.quotas);
    }
    for pool in [&spec.pool_v4, &spec.pool_v6].into_iter().flatten() {
        let new = NewSubnetPool {
            name: pool.name.clone(),
            description: String::new(),
            prefixes: vec![pool.prefix],
            default_prefixlen: Some(pool.prefixlen),
            min_prefixlen: None,
            max_prefixlen: None,
            default_quota: None,
            is_default: true,
            shared: true,
            address_scope_id: None,
        };
        insert_pool(tx, env, &Reach::everything(), &SubnetPoolId::new(), &spec.project, &new)?;
    }
    let external = match &spec.external {
        Some(external) => Some(external_network(tx, env, &spec.project, external)?),
        None => None,
    };
    let done = Bootstrapped { external };
    tx.put(done.clone());
    Ok(done)
}

/// Everything out; in from the members of the same group, for the `default` group only.
fn default_rules(tx: &mut Tx, env: &Env) -> Result<()> {
    if tx.view().count::<DefaultRule>() > 0 {
        return Ok(());
    }
    for ethertype in [EtherType::V4, EtherType::V6] {
        for direction in [Direction::Egress, Direction::Ingress] {
            let ingress = direction == Direction::Ingress;
            let matches = NewMatch {
                direction,
                ethertype,
                protocol: None,
                port_range_min: None,
                port_range_max: None,
                remote_ip_prefix: None,
                remote_group_id: ingress.then(|| PARENT.to_owned()),
                remote_address_group_id: None,
            };
            let new = NewDefaultRule {
                // Neutron's words, by which people know these rules from their own.
                description: format!(
                    "Legacy default SG rule for {} traffic",
                    if ingress { "ingress" } else { "egress" }
                ),
                used_in_default_sg: true,
                used_in_non_default_sg: !ingress,
                matches,
            };
            default_rule::insert(tx, env, &new)?;
        }
    }
    Ok(())
}

fn external_network(tx: &mut Tx, env: &Env, project: &ProjectId, spec: &ExternalSpec) -> Result<NetworkId> {
    let id = NetworkId::new();
    let flat = Wanted { kind: Some("flat".to_owned()), physical: Some(spec.physical.clone()), number: None };
    let network = NewNetwork {
        name: spec.name.clone(),
        external: true,
        is_default: true,
        provider: flat,
        ..NewNetwork::default()
    };
    insert_network(tx, env, &Reach::everything(), &id, project, &network)?;
    let subnet = NewSubnet {
        name: format!("{}-subnet", spec.name),
        ip_version: if spec.cidr.addr().is_ipv6() { 6 } else { 4 },
        cidr: Some(spec.cidr),
        gateway_ip: spec.gateway.map(Some),
        allocation_pools: (!spec.pools.is_empty()).then(|| spec.pools.clone()),
        // Guests are not on it; routers and floating IPs need no DHCP.
        enable_dhcp: false,
        ..NewSubnet::on(&id)
    };
    insert_subnet(tx, env, &SubnetId::new(), project, &subnet, None)?;
    Ok(id)
}
