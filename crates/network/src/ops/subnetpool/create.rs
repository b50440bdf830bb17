use super::only_default;
use crate::{
    Network as Service,
    model::{
        AddressScopeId, Standard, SubnetPool, SubnetPoolId, quota,
        rbac::Action,
        rbac::ObjectType,
        subnetpool::{Bounds, joined},
    },
    ops::{
        access::Reach,
        address_scope::join,
        common::{Asked, Env, Guard, create_all},
        rbac::open_to_all,
    },
    policy::subnetpool as rules,
};
use ipnet::IpNet;
use kernel::{Ctx, ProjectId, Result};
use serde::Deserialize;
use std::sync::Arc;
use store::Tx;

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NewSubnetPool {
    pub name: String,
    pub description: String,
    pub prefixes: Vec<IpNet>,
    pub default_prefixlen: Option<u8>,
    pub min_prefixlen: Option<u8>,
    pub max_prefixlen: Option<u8>,
    pub default_quota: Option<u64>,
    pub is_default: bool,
    pub shared: bool,
    pub address_scope_id: Option<AddressScopeId>,
}

pub async fn create(net: &Service, cx: &Ctx, asked: Vec<Asked<NewSubnetPool>>) -> Result<Vec<Arc<SubnetPool>>> {
    let (guard, reach) = (Guard { table: rules::ALL, rule: &rules::CREATE }, Reach::of(cx));
    create_all(net, cx, guard, "network.subnetpool.create", asked, move |tx, env, one| {
        insert(tx, env, &reach, &SubnetPoolId::new(), &one.project, &one.body)
    })
    .await
}

pub(crate) fn insert(
    tx: &mut Tx,
    env: &Env,
    reach: &Reach,
    id: &SubnetPoolId,
    project: &ProjectId,
    new: &NewSubnetPool,
) -> Result<Arc<SubnetPool>> {
    let prefixes = joined(&new.prefixes)?;
    let v6 = matches!(prefixes.first(), Some(IpNet::V6(_)));
    let bounds = Bounds { default: new.default_prefixlen, min: new.min_prefixlen, max: new.max_prefixlen };
    let (default_prefixlen, min_prefixlen, max_prefixlen) = bounds.resolve(v6)?;
    if new.is_default {
        only_default(tx, id, if v6 { 6 } else { 4 })?;
    }
    quota::claim(tx, project, "subnetpool", 1)?;
    if new.shared {
        open_to_all(tx, project, ObjectType::Subnetpool, id, Action::Shared, env.now)?;
    }
    let pool = SubnetPool {
        id: id.clone(),
        standard: Standard::new(project, &new.description, env.now),
        name: new.name.clone(),
        prefixes,
        default_prefixlen,
        min_prefixlen,
        max_prefixlen,
        default_quota: new.default_quota,
        is_default: new.is_default,
        address_scope: new.address_scope_id.clone(),
        serial: 0,
    };
    join(tx, reach, &pool)?;
    Ok(tx.put(pool))
}
