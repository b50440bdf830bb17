//! A subnet pool in a scope: what must hold then.

use crate::{
    error::NetError,
    model::{
        AddressScope, AddressScopeId, Network, Resource, Subnet, SubnetPool,
        rbac::{self, Action},
    },
    ops::access::Reach,
};
use kernel::Result;
use store::Tx;

/// Lets a pool, as it is about to be written, into the scope that it names: the family must be the same, no prefix may overlap
/// those of the scope's other pools, and no network may end up in two scopes.
pub(crate) fn join(tx: &mut Tx, reach: &Reach, pool: &SubnetPool) -> Result<()> {
    let Some(id) = &pool.address_scope else { return Ok(()) };
    let scope = usable(tx, reach, id)?;
    if scope.ip_version != pool.ip_version() {
        let (pool, scope, ip_version) = (pool.id.to_string(), id.to_string(), scope.ip_version);
        return Err(NetError::IllegalSubnetPoolIpVersionAssociationToAddressScope { pool, scope, ip_version }.into());
    }
    let others = tx.by(SubnetPool::BY_SCOPE, id);
    let prefixes = others.iter().filter(|p| p.id != pool.id).flat_map(|p| p.prefixes.iter());
    let meets = |other: &ipnet::IpNet| pool.prefixes.iter().any(|p| p.contains(other) || other.contains(p));
    if prefixes.into_iter().any(meets) {
        return Err(NetError::AddressScopePrefixConflict.into());
    }
    tx.put(AddressScope { serial: scope.serial + 1, ..scope });
    Ok(())
}

fn usable(tx: &mut Tx, reach: &Reach, id: &AddressScopeId) -> Result<AddressScope> {
    let scope = tx.get::<AddressScope>(id).ok_or_else(|| AddressScope::not_found(id))?;
    let shared = || rbac::grants(tx.view(), id, Action::Shared, reach.project.as_deref());
    if reach.admin || reach.is(scope.project()) || shared() {
        return Ok(AddressScope::clone(&scope));
    }
    Err(AddressScope::not_found(id).into())
}

/// Whether a pool that has a scope may be changed: by whom the scope belongs to. And a pool may go into another scope only if
/// it alone has the subnets of its networks.
pub(crate) fn may_change_pool(tx: &mut Tx, reach: &Reach, old: &SubnetPool, new: &SubnetPool) -> Result<()> {
    if let Some(id) = &old.address_scope {
        let scope = tx.get::<AddressScope>(id).ok_or_else(|| AddressScope::not_found(id))?;
        if !reach.admin && !reach.is(scope.project()) {
            let pool = &old.id;
            let reason = format!("subnetpool {pool} cannot be updated when associated with shared address scope {id}");
            return Err(NetError::IllegalSubnetPoolUpdate { reason }.into());
        }
    }
    if new.address_scope.is_none() || new.address_scope == old.address_scope {
        return Ok(());
    }
    for subnet in tx.by(Subnet::BY_POOL, &old.id) {
        let network = tx.get::<Network>(&subnet.network).ok_or_else(|| Network::not_found(&subnet.network))?;
        let siblings = network.subnets.iter().filter_map(|id| tx.get::<Subnet>(id)).collect::<Vec<_>>();
        if siblings.iter().any(|s| s.is_v6() == old.is_v6() && s.subnetpool.as_ref() != Some(&old.id)) {
            return Err(NetError::NetworkAddressScopeAffinityError.into());
        }
    }
    Ok(())
}
