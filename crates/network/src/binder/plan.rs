//! Which ports a new server gets, worded as Nova (2.37 and later) words its refusals.

use super::network;
use crate::{
    model::{
        Network, Port, Resource, Subnet,
        address::{AddressClaim, host_fits},
        quota::QUOTAS,
        rbac,
        rbac::Action,
        rbac::ObjectType,
    },
    ops::access::Reach,
};
use kernel::{Ctx, Error, NetworkId, PortId, ProjectId, Result};
use ports::{NicRequest, PortPlan};
use std::{collections::BTreeSet, net::IpAddr, sync::Arc};
use store::Tx;

pub(super) fn plan(cx: &Ctx, tx: &mut Tx, project: &ProjectId, asked: Option<&[NicRequest]>) -> Result<Vec<PortPlan>> {
    let reach = Reach::of(cx);
    let plans = match asked {
        None => vec![automatic(tx, project)?],
        Some(asked) => {
            let mut seen = BTreeSet::new();
            asked.iter().map(|nic| requested(tx, &reach, project, nic, &mut seen)).collect::<Result<Vec<_>>>()?
        }
    };
    within_quota(tx, project, plans.iter().filter(|p| p.ours).count())?;
    Ok(plans)
}

/// The project's only network, be it its own or shared with it.
fn automatic(tx: &Tx, project: &ProjectId) -> Result<PortPlan> {
    let view = tx.view();
    let mut own: Vec<_> = view.by(Network::BY_PROJECT, project).filter(|n| n.admin_up && !n.external).collect();
    if own.is_empty() {
        let shared = rbac::opened(view, ObjectType::Network, Some(project));
        let usable = |id: &String| rbac::grants(view, id, Action::Shared, Some(project));
        own = shared.iter().filter(|id| usable(id)).filter_map(|id| view.get::<Network>(id)).collect();
        own.retain(|n| n.admin_up);
        own.dedup_by(|a, b| a.id == b.id);
    }
    match own.as_slice() {
        [one] => {
            with_subnet(one)?;
            Ok(ours(&one.id, None))
        }
        [] => Err(no_network(project)),
        _ => {
            let text = "Multiple possible networks found, use a Network ID to be more specific.";
            Err(Error::conflict(text).with_code("NetworkAmbiguous"))
        }
    }
}

pub(super) fn no_network(project: &ProjectId) -> Error {
    let text = format!("Unable to automatically allocate a network for project {project}");
    Error::bad_request(text).with_code("UnableToAutoAllocateNetwork")
}

fn ours(network: &NetworkId, fixed_ip: Option<IpAddr>) -> PortPlan {
    PortPlan { port: PortId::new(), network: network.clone(), fixed_ip, ours: true }
}

fn requested(
    tx: &mut Tx,
    reach: &Reach,
    project: &ProjectId,
    nic: &NicRequest,
    seen: &mut BTreeSet<PortId>,
) -> Result<PortPlan> {
    match nic {
        NicRequest::Network { network: id, fixed_ip } => {
            let not_found =
                || Error::bad_request(format!("Network {id} could not be found.")).with_code("NetworkNotFound");
            let network = network(tx, id).ok().filter(|n| may_use(tx, reach, project, n)).ok_or_else(not_found)?;
            ensure_attachable(tx, reach, project, &network)?;
            with_subnet(&network)?;
            if let Some(address) = fixed_ip {
                ensure_free(tx, &network, *address)?;
            }
            Ok(ours(&network.id, *fixed_ip))
        }
        NicRequest::Port { port } => existing(tx, reach, project, port, seen),
    }
}

/// A network that the project sees.
fn may_use(tx: &Tx, reach: &Reach, project: &ProjectId, network: &Network) -> bool {
    let open = |action| rbac::grants(tx.view(), &network.id, action, Some(project));
    reach.all || network.project() == project || open(Action::Shared) || open(Action::External)
}

/// Tenants connect to external networks through routers, unless the network is theirs or shared.
fn ensure_attachable(tx: &Tx, reach: &Reach, project: &ProjectId, network: &Network) -> Result<()> {
    let shared = rbac::grants(tx.view(), &network.id, Action::Shared, Some(project));
    if !network.external || shared || reach.admin || network.project() == project {
        return Ok(());
    }
    let text = format!("It is not allowed to create an interface on external network {}", network.id);
    Err(Error::forbidden(text).with_code("ExternalNetworkAttachForbidden"))
}

fn with_subnet(network: &Network) -> Result<()> {
    if !network.subnets.is_empty() {
        return Ok(());
    }
    let text = format!("Network {} requires a subnet in order to boot instances on.", network.id);
    Err(Error::bad_request(text).with_code("NetworkRequiresSubnet"))
}

fn ensure_free(tx: &mut Tx, network: &Network, address: IpAddr) -> Result<()> {
    let subnets: Vec<Arc<Subnet>> = network.subnets.iter().filter_map(|id| tx.get::<Subnet>(id)).collect();
    if !subnets.iter().any(|s| host_fits(&s.cidr, address, false)) {
        let text = format!("Fixed IP {address} is not a valid ip address for network {}.", network.id);
        return Err(Error::bad_request(text).with_code("InvalidIpForNetwork"));
    }
    if tx.get::<AddressClaim>(&AddressClaim::id(&network.id, address)).is_some() {
        let text = format!("Fixed IP address {address} is already in use.");
        return Err(Error::bad_request(text).with_code("FixedIpAlreadyInUse"));
    }
    Ok(())
}

/// A port the user brought: the project's, in nobody's use, with an address.
fn existing(
    tx: &mut Tx,
    reach: &Reach,
    project: &ProjectId,
    id: &PortId,
    seen: &mut BTreeSet<PortId>,
) -> Result<PortPlan> {
    let not_found = || Error::bad_request(format!("Port id {id} could not be found.")).with_code("PortNotFound");
    let port = tx.get::<Port>(id).filter(|p| reach.all || p.project() == project).ok_or_else(not_found)?;
    if port.project() != project {
        let text = format!("Port {id} not usable for instance.");
        return Err(Error::bad_request(text).with_code("PortNotUsable"));
    }
    if !port.device_id.is_empty() || port.is_subport() || !seen.insert(id.clone()) {
        return Err(Error::conflict(format!("Port {id} is still in use.")).with_code("PortInUse"));
    }
    if port.fixed_ips.is_empty() {
        let text = format!("Port {id} requires a FixedIP in order to be used.");
        return Err(Error::bad_request(text).with_code("PortRequiresFixedIP"));
    }
    Ok(PortPlan { port: id.clone(), network: port.network.clone(), fixed_ip: None, ours: false })
}

/// Refused now rather than by a server in error. The claim itself is made when the ports are.
fn within_quota(tx: &Tx, project: &ProjectId, ports: usize) -> Result<()> {
    let (limits, used) = (QUOTAS.limits(tx.view(), project), QUOTAS.used(tx.view(), project));
    let limit = limits.get("port").copied().unwrap_or(-1);
    let wanted = used.get("port").copied().unwrap_or(0) + i64::try_from(ports).unwrap_or(i64::MAX);
    if ports > 0 && limit >= 0 && wanted > limit {
        return Err(Error::over_quota("Maximum number of ports exceeded").with_code("PortLimitExceeded"));
    }
    Ok(())
}
