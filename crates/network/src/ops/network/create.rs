use super::{fitting_mtu, known_zones, only_default, open_to_all};
use crate::{
    Network as Service,
    model::{Network, QosPolicyId, Standard, quota, rbac::Action, segment},
    ops::{
        access::Reach,
        common::{Asked, Env, Guard, create_all},
        qos, security_group,
    },
    policy::network as rules,
};
use kernel::{Ctx, NetworkId, ProjectId, Result};
use serde::Deserialize;
use std::sync::Arc;
use store::Tx;

/// A network asked for, with what the API fills in.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NewNetwork {
    pub name: String,
    pub description: String,
    pub admin_state_up: bool,
    pub shared: bool,
    #[serde(rename = "router:external")]
    pub external: bool,
    pub is_default: bool,
    pub mtu: Option<u32>,
    pub port_security_enabled: bool,
    pub dns_domain: String,
    pub availability_zone_hints: Vec<String>,
    pub qos_policy_id: Option<QosPolicyId>,
    #[serde(rename = "provider:network_type")]
    pub network_type: Option<String>,
    #[serde(rename = "provider:physical_network")]
    pub physical_network: Option<String>,
    #[serde(rename = "provider:segmentation_id")]
    pub segmentation_id: Option<u32>,
}

/// Makes networks, all or none.
pub async fn create(net: &Service, cx: &Ctx, asked: Vec<Asked<NewNetwork>>) -> Result<Vec<Arc<Network>>> {
    for one in &asked {
        known_zones(&one.body.availability_zone_hints, net.settings())?;
    }
    let guard = Guard { table: rules::ALL, rule: &rules::CREATE };
    let reach = Reach::of(cx);
    create_all(net, cx, guard, "network.network.create", asked, move |tx, env, one| {
        insert(tx, env, &reach, &NetworkId::new(), &one.project, &one.body)
    })
    .await
}

/// Writes a network with all it claims.
pub(crate) fn insert(
    tx: &mut Tx,
    env: &Env,
    reach: &Reach,
    id: &NetworkId,
    project: &ProjectId,
    new: &NewNetwork,
) -> Result<Arc<Network>> {
    quota::claim(tx, project, "network", 1)?;
    security_group::ensure_default(tx, env, project)?;
    let wanted = segment::Wanted {
        kind: new.network_type.clone(),
        physical: new.physical_network.clone(),
        number: new.segmentation_id,
    };
    let segment = segment::claim(tx, wanted.resolve(&env.settings)?, id, &env.settings)?;
    let qos = match &new.qos_policy_id {
        Some(policy) => {
            qos::refer(tx, reach, None, Some(policy), qos::Holder::Network(id), env.enforced)?;
            Some(policy.clone())
        }
        None => qos::default_policy(tx, project),
    };
    if new.is_default {
        only_default(tx, id)?;
    }
    let network = Network {
        id: id.clone(),
        standard: Standard::new(project, &new.description, env.now),
        name: new.name.clone(),
        admin_up: new.admin_state_up,
        external: new.external,
        is_default: new.external && new.is_default,
        mtu: fitting_mtu(new.mtu, segment.mtu(&env.settings))?,
        port_security: new.port_security_enabled,
        dns_domain: new.dns_domain.clone(),
        zone_hints: new.availability_zone_hints.clone(),
        segments: vec![segment],
        subnets: Vec::new(),
        metadata_port: None,
        qos,
        deleting: false,
    };
    if new.shared {
        open_to_all(tx, &network, Action::Shared, env.now)?;
    }
    if new.external {
        open_to_all(tx, &network, Action::External, env.now)?;
    }
    Ok(tx.put(network))
}
