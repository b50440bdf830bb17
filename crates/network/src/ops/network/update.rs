use super::{carries, fitting_mtu, forget_policy, only_default, open_to_all};
use crate::{
    Network as Service,
    error::NetError,
    model::{Network, Port, QosPolicyId, Subnet, port::Role, rbac, rbac::Action},
    ops::{
        access::{Reach, Set, change},
        common::{Env, Expect, expected, save},
        qos,
    },
    policy::network as rules,
};
use kernel::{Ctx, Result};
use serde::Deserialize;
use std::{collections::BTreeSet, sync::Arc};
use store::Tx;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct NetworkChanges {
    pub name: Option<String>,
    pub description: Option<String>,
    pub admin_state_up: Option<bool>,
    pub shared: Option<bool>,
    #[serde(rename = "router:external")]
    pub external: Option<bool>,
    pub is_default: Option<bool>,
    pub mtu: Option<u32>,
    pub port_security_enabled: Option<bool>,
    pub dns_domain: Option<String>,
    #[serde(deserialize_with = "crate::ops::common::given")]
    pub qos_policy_id: Option<Option<QosPolicyId>>,
}

pub async fn update(
    net: &Service,
    cx: &Ctx,
    id: &str,
    set: &Set,
    changes: NetworkChanges,
    expect: Expect,
) -> Result<Arc<Network>> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = change::<Network>(cx, &snapshot, &reach, id, &rules::UPDATE, set)?;
    if set.0.iter().any(|name| name.starts_with("provider:")) {
        return Err(
            NetError::input("Plugin does not support updating the following provider network attributes").into()
        );
    }
    let (env, id) = (net.env(), id.to_owned());
    net.store().transact("network.network.update", move |tx| apply(tx, &env, &reach, &id, &changes, expect)).await
}

fn apply(
    tx: &mut Tx,
    env: &Env,
    reach: &Reach,
    id: &str,
    changes: &NetworkChanges,
    expect: Expect,
) -> Result<Arc<Network>> {
    let old = expected::<Network>(tx, id, expect)?;
    let mut new = Network::clone(&old);
    if let Some(name) = &changes.name {
        new.name.clone_from(name);
    }
    if let Some(description) = &changes.description {
        new.standard.description.clone_from(description);
    }
    if let Some(domain) = &changes.dns_domain {
        new.dns_domain.clone_from(domain);
    }
    new.admin_up = changes.admin_state_up.unwrap_or(old.admin_up);
    new.port_security = changes.port_security_enabled.unwrap_or(old.port_security);
    if let Some(mtu) = changes.mtu {
        new.mtu = new_mtu(tx, &old, mtu, env)?;
    }
    if let Some(policy) = &changes.qos_policy_id {
        qos::refer(tx, reach, old.qos.as_ref(), policy.as_ref(), qos::Holder::Network(id), env.enforced)?;
        new.qos.clone_from(policy);
    }
    let mut policies_changed = false;
    if let Some(shared) = changes.shared {
        policies_changed |= share(tx, env, &old, shared)?;
    }
    if let Some(external) = changes.external {
        policies_changed |= set_external(tx, env, &mut new, external)?;
    }
    if let Some(is_default) = changes.is_default {
        if is_default {
            only_default(tx, id)?;
        }
        new.is_default = is_default && new.external;
    }
    if policies_changed && *old == new {
        // `shared` shows in the network though it is stored beside it.
        new.standard.touch(env.now);
        return Ok(tx.put(new));
    }
    Ok(save(tx, &old, new, env.now))
}

fn new_mtu(tx: &mut Tx, network: &Network, mtu: u32, env: &Env) -> Result<u32> {
    let most = network.segments.first().map_or(env.settings.physical_mtu, |s| s.mtu(&env.settings));
    let mtu = fitting_mtu(Some(mtu), most)?;
    for subnet in network.subnets.iter().filter_map(|id| tx.get::<Subnet>(id)) {
        carries(&network.id, mtu, subnet.is_v6())?;
    }
    Ok(mtu)
}

/// True if a policy came or went.
fn share(tx: &mut Tx, env: &Env, network: &Network, shared: bool) -> Result<bool> {
    let policy = rbac::wildcard(tx.view(), &network.id, Action::Shared);
    match (policy, shared) {
        (None, true) => open_to_all(tx, network, Action::Shared, env.now).map(|()| true),
        (Some(policy), false) => {
            ensure_only_own(tx, network)?;
            forget_policy(tx, &network.standard.project, &policy);
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Nobody without another policy may have a port or subnet on a network that ceases to be shared.
pub(crate) fn ensure_only_own(tx: &Tx, network: &Network) -> Result<()> {
    let owner = &network.standard.project;
    let view = tx.view();
    let ports = view.by(Port::BY_NETWORK, &network.id).map(|p| p.standard.project.clone());
    let subnets = network.subnets.iter().filter_map(|id| view.get::<Subnet>(id)).map(|s| s.standard.project.clone());
    let projects: BTreeSet<_> = ports.chain(subnets).filter(|p| !p.is_empty() && p != owner).collect();
    let allowed = |project: &str| {
        view.by(rbac::RbacPolicy::BY_OBJECT, &network.id).any(|p| p.action == Action::Shared && p.target == *project)
    };
    if projects.iter().all(|p| allowed(p)) {
        return Ok(());
    }
    Err(NetError::InvalidSharedSetting { network: network.name.clone() }.into())
}

fn set_external(tx: &mut Tx, env: &Env, network: &mut Network, external: bool) -> Result<bool> {
    if external == network.external {
        return Ok(false);
    }
    if external {
        open_to_all(tx, network, Action::External, env.now)?;
    } else {
        ensure_no_gateways(tx, network)?;
        for policy in tx.by(rbac::RbacPolicy::BY_OBJECT, &network.id).iter().filter(|p| p.action == Action::External) {
            forget_policy(tx, &policy.project, &policy.id);
        }
        network.is_default = false;
    }
    network.external = external;
    Ok(true)
}

fn ensure_no_gateways(tx: &Tx, network: &Network) -> Result<()> {
    let mut ports = tx.view().by(Port::BY_NETWORK, &network.id);
    if ports.any(|p| matches!(p.role(), Role::RouterGateway | Role::FloatingIp)) {
        return Err(NetError::ExternalNetworkInUse { id: network.id.to_string() }.into());
    }
    Ok(())
}
