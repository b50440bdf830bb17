use super::only_default;
use crate::{
    Network as Service,
    error::NetError,
    model::{
        AddressScopeId, SubnetPool,
        subnetpool::{Bounds, joined},
    },
    ops::{
        access::{Reach, Set, change},
        address_scope::{join, may_change_pool},
        common::{Env, Expect, expected, save},
    },
    policy::subnetpool as rules,
};
use ipnet::IpNet;
use kernel::{Ctx, Result};
use serde::Deserialize;
use std::sync::Arc;
use store::Tx;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct SubnetPoolChanges {
    pub name: Option<String>,
    pub description: Option<String>,
    pub prefixes: Option<Vec<IpNet>>,
    pub default_prefixlen: Option<u8>,
    pub min_prefixlen: Option<u8>,
    pub max_prefixlen: Option<u8>,
    pub default_quota: Option<u64>,
    pub is_default: Option<bool>,
    /// `None` inside: it is to leave the scope that it is in.
    #[serde(deserialize_with = "crate::ops::common::given")]
    pub address_scope_id: Option<Option<AddressScopeId>>,
}

pub async fn update(
    net: &Service,
    cx: &Ctx,
    id: &str,
    set: &Set,
    changes: SubnetPoolChanges,
    expect: Expect,
) -> Result<Arc<SubnetPool>> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = change::<SubnetPool>(cx, &snapshot, &reach, id, &rules::UPDATE, set)?;
    let (env, id) = (net.env(), id.to_owned());
    net.store().transact("network.subnetpool.update", move |tx| apply(tx, &env, &reach, &id, &changes, expect)).await
}

fn apply(
    tx: &mut Tx,
    env: &Env,
    reach: &Reach,
    id: &str,
    changes: &SubnetPoolChanges,
    expect: Expect,
) -> Result<Arc<SubnetPool>> {
    let old = expected::<SubnetPool>(tx, id, expect)?;
    let mut new = SubnetPool::clone(&old);
    if let Some(name) = &changes.name {
        new.name.clone_from(name);
    }
    if let Some(description) = &changes.description {
        new.standard.description.clone_from(description);
    }
    if let Some(prefixes) = &changes.prefixes {
        new.prefixes = grown(&old, prefixes)?;
    }
    let bounds = Bounds {
        default: changes.default_prefixlen.or(Some(old.default_prefixlen)),
        min: changes.min_prefixlen.or(Some(old.min_prefixlen)),
        max: changes.max_prefixlen.or(Some(old.max_prefixlen)),
    };
    (new.default_prefixlen, new.min_prefixlen, new.max_prefixlen) = bounds.resolve(old.is_v6())?;
    new.default_quota = changes.default_quota.or(old.default_quota);
    if let Some(is_default) = changes.is_default {
        if is_default {
            only_default(tx, id, old.ip_version())?;
        }
        new.is_default = is_default;
    }
    if let Some(scope) = &changes.address_scope_id {
        new.address_scope.clone_from(scope);
    }
    may_change_pool(tx, reach, &old, &new)?;
    if (&new.address_scope, &new.prefixes) != (&old.address_scope, &old.prefixes) {
        join(tx, reach, &new)?;
    }
    Ok(save(tx, &old, new, env.now))
}

/// A pool may grow but must keep all that it had.
pub(super) fn grown(pool: &SubnetPool, prefixes: &[IpNet]) -> Result<Vec<IpNet>> {
    let prefixes = joined(prefixes)?;
    let kept = |old: &IpNet| prefixes.iter().any(|p| p.contains(old));
    if prefixes.iter().any(|p| matches!(p, IpNet::V6(_)) != pool.is_v6()) {
        return Err(NetError::PrefixVersionMismatch.into());
    }
    if pool.prefixes.iter().all(kept) {
        return Ok(prefixes);
    }
    let reason = "Existing prefixes must be a subset of the new prefixes".to_owned();
    Err(NetError::IllegalSubnetPoolPrefixUpdate { reason }.into())
}
