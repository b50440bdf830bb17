use super::associate::{self, TargetAsked};
use crate::{
    Network as Service,
    error::NetError,
    model::{FloatingIp, QosPolicyId},
    ops::{
        access::{Reach, Set, change},
        common::{Env, Expect, expected, save},
        qos,
    },
    policy::floatingip as rules,
};
use kernel::{Ctx, Result, RouterId};
use serde::Deserialize;
use std::{net::IpAddr, sync::Arc};
use store::Tx;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct FloatingIpChanges {
    pub description: Option<String>,
    /// `None` inside: it is to lead nowhere.
    #[serde(deserialize_with = "crate::ops::common::given")]
    pub port_id: Option<Option<String>>,
    pub fixed_ip_address: Option<IpAddr>,
    #[serde(deserialize_with = "crate::ops::common::given")]
    pub qos_policy_id: Option<Option<QosPolicyId>>,
    pub router_id: Option<RouterId>,
}

pub async fn update(
    net: &Service,
    cx: &Ctx,
    id: &str,
    set: &Set,
    mut changes: FloatingIpChanges,
    expect: Expect,
) -> Result<Arc<FloatingIp>> {
    if set.0.is_empty() {
        // Neutron takes an empty change to mean that the floating IP shall lead nowhere.
        changes.port_id = Some(None);
    }
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = change::<FloatingIp>(cx, &snapshot, &reach, id, &rules::UPDATE, set)?;
    let (env, id) = (net.env(), id.to_owned());
    net.store().transact("network.floatingip.update", move |tx| apply(tx, &env, &reach, &id, &changes, expect)).await
}

fn apply(
    tx: &mut Tx,
    env: &Env,
    reach: &Reach,
    id: &str,
    changes: &FloatingIpChanges,
    expect: Expect,
) -> Result<Arc<FloatingIp>> {
    let old = expected::<FloatingIp>(tx, id, expect)?;
    let mut new = FloatingIp::clone(&old);
    if let Some(description) = &changes.description {
        new.standard.description.clone_from(description);
    }
    if let Some(policy) = &changes.qos_policy_id {
        qos::refer(tx, reach, old.qos.as_ref(), policy.as_ref(), qos::Holder::Other, env.enforced)?;
        new.qos.clone_from(policy);
    }
    let current = old.target.as_ref().map(|t| t.port.to_string());
    let port = match (&changes.port_id, changes.fixed_ip_address) {
        (Some(None), Some(_)) => {
            return Err(NetError::floatingip("fixed_ip_address cannot be specified without a port_id").into());
        }
        (None, Some(_)) if current.is_none() => {
            return Err(NetError::floatingip("fixed_ip_address cannot be specified without a port_id").into());
        }
        (Some(port), _) => port.clone(),
        (None, _) => current,
    };
    let moved = changes.port_id.is_some() || changes.fixed_ip_address.is_some() || changes.router_id.is_some();
    if moved {
        let target = match &port {
            Some(port) => {
                let asked = TargetAsked { port, fixed: changes.fixed_ip_address, router: changes.router_id.as_ref() };
                Some(associate::target(tx, reach, &old, &asked)?)
            }
            None => None,
        };
        associate::point(tx, env, &mut new, target);
    }
    Ok(save(tx, &old, new, env.now))
}
