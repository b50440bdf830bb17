use super::associate::{self, TargetAsked};
use crate::{
    Network as Service,
    error::NetError,
    model::{
        FloatingIp, Network, Port, QosPolicyId, Resource, Standard, Subnet,
        port::owner,
        quota,
        rbac::{self, Action},
    },
    ops::{
        access::Reach,
        common::{Asked, Env, Guard, create_all},
        port::{self, address::AskedIp, create::NewPort},
        qos,
    },
    policy::floatingip as rules,
};
use kernel::{Ctx, FloatingIpId, NetworkId, PortId, ProjectId, Result, RouterId, SubnetId};
use serde::Deserialize;
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};
use store::Tx;

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NewFloatingIp {
    pub floating_network_id: NetworkId,
    pub description: String,
    pub floating_ip_address: Option<IpAddr>,
    pub subnet_id: Option<SubnetId>,
    pub port_id: Option<String>,
    pub fixed_ip_address: Option<IpAddr>,
    /// The router that shall carry it, if not the one found.
    pub router_id: Option<RouterId>,
    pub dns_name: String,
    pub dns_domain: String,
    pub qos_policy_id: Option<QosPolicyId>,
}

/// Makes floating IPs, all or none.
pub async fn create(net: &Service, cx: &Ctx, asked: Vec<Asked<NewFloatingIp>>) -> Result<Vec<Arc<FloatingIp>>> {
    let (guard, reach) = (Guard { table: rules::ALL, rule: &rules::CREATE }, Reach::of(cx));
    create_all(net, cx, guard, "network.floatingip.create", asked, move |tx, env, one| {
        insert(tx, env, &reach, &one.project, &one.body)
    })
    .await
}

fn insert(tx: &mut Tx, env: &Env, reach: &Reach, project: &ProjectId, new: &NewFloatingIp) -> Result<Arc<FloatingIp>> {
    external(tx, reach, &new.floating_network_id)?;
    quota::claim(tx, project, "floatingip", 1)?;
    let id = FloatingIpId::new();
    let (port, address) = address(tx, env, &id, new)?;
    let mut fip = FloatingIp {
        id,
        standard: Standard::new(project, &new.description, env.now),
        network: new.floating_network_id.clone(),
        address,
        external_port: port.id.clone(),
        target: None,
        dns_name: new.dns_name.clone(),
        dns_domain: new.dns_domain.clone(),
        forwards: None,
        qos: new.qos_policy_id.clone(),
    };
    qos::refer(tx, reach, None, new.qos_policy_id.as_ref(), qos::Holder::Other, env.enforced)?;
    match (&new.port_id, new.fixed_ip_address) {
        (None, Some(_)) => {
            return Err(NetError::floatingip("fixed_ip_address cannot be specified without a port_id").into());
        }
        (Some(port), fixed) => {
            let asked = TargetAsked { port, fixed, router: new.router_id.as_ref() };
            let target = associate::target(tx, reach, &fip, &asked)?;
            associate::point(tx, env, &mut fip, Some(target));
        }
        (None, None) => {}
    }
    Ok(tx.put(fip))
}

/// The network must be an external one that the caller may use, with IPv4.
fn external(tx: &mut Tx, reach: &Reach, id: &NetworkId) -> Result<()> {
    let network = tx.get::<Network>(id).ok_or_else(|| Network::not_found(id))?;
    let project = reach.project.as_deref();
    let open = |action| rbac::grants(tx.view(), id, action, project);
    if !reach.all && !reach.is(network.project()) && !open(Action::External) && !open(Action::Shared) {
        return Err(Network::not_found(id).into());
    }
    if !network.external {
        return Err(NetError::floatingip(format!("Network {id} is not a valid external network")).into());
    }
    if !network.subnets.iter().any(|s| tx.get::<Subnet>(s).is_some_and(|s| !s.is_v6())) {
        return Err(NetError::floatingip(format!("Network {id} does not contain any IPv4 subnet")).into());
    }
    Ok(())
}

/// Claims an address by a port on the external network that no tenant sees.
fn address(tx: &mut Tx, env: &Env, id: &FloatingIpId, new: &NewFloatingIp) -> Result<(Arc<Port>, Ipv4Addr)> {
    let asked = AskedIp { subnet_id: new.subnet_id.clone(), ip_address: new.floating_ip_address };
    let port = NewPort {
        device_id: id.to_string(),
        device_owner: owner::FLOATING_IP.to_owned(),
        fixed_ips: (asked != AskedIp::default()).then(|| vec![asked]),
        ..NewPort::on(&new.floating_network_id)
    };
    let port = port::create::insert(tx, env, &PortId::new(), &ProjectId::default(), &port)?;
    let v4 = port.v4().find_map(|ip| if let IpAddr::V4(a) = ip.address { Some(a) } else { None });
    let none = || NetError::ExternalIpAddressExhausted { network: new.floating_network_id.to_string() };
    Ok((Arc::clone(&port), v4.ok_or_else(none)?))
}
