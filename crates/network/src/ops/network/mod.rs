//! Networks.

pub mod create;
pub mod delete;
pub mod metadata;
pub mod update;

use crate::{
    error::NetError,
    model::{Network, RbacPolicy, RbacPolicyId, Settings, quota, rbac::Action, rbac::ObjectType},
};
use kernel::{NetworkId, ProjectId, Result, Timestamp};
use store::Tx;

/// Makes the wildcard policy that `shared` or `router:external` stands for.
pub(crate) fn open_to_all(tx: &mut Tx, network: &Network, action: Action, now: Timestamp) -> Result<()> {
    super::rbac::open_to_all(tx, &network.standard.project, ObjectType::Network, &network.id, action, now)
}

/// Removes all policies of an object.
pub(crate) fn forget_policies(tx: &mut Tx, object: &str) {
    for policy in tx.by(RbacPolicy::BY_OBJECT, object) {
        forget_policy(tx, &policy.project, &policy.id);
    }
}

pub(crate) fn forget_policy(tx: &mut Tx, project: &ProjectId, id: &RbacPolicyId) {
    if tx.delete::<RbacPolicy>(id) {
        quota::release(tx, project, "rbac_policy", 1);
    }
}

/// At most one external network is the default one.
pub(crate) fn only_default(tx: &Tx, id: &str) -> Result<()> {
    match tx.view().all::<Network>().find(|n| n.is_default && *n.id != *id) {
        Some(other) => Err(NetError::DefaultExternalNetworkExists { network: other.id.to_string() }.into()),
        None => Ok(()),
    }
}

/// The MTU asked for, if the segment can carry it; 0 or none: the most it can.
pub(crate) fn fitting_mtu(asked: Option<u32>, most: u32) -> Result<u32> {
    match asked.filter(|mtu| *mtu > 0) {
        None => Ok(most),
        Some(mtu) if mtu > most => Err(NetError::input(format!("Requested MTU is too big, maximum is {most}")).into()),
        Some(mtu) => Ok(mtu),
    }
}

/// What a subnet of either family needs: RFC 791's 68 bytes, RFC 8200's 1280.
pub(crate) fn carries(network: &NetworkId, mtu: u32, v6: bool) -> Result<()> {
    let least = if v6 { 1280 } else { 68 };
    if mtu < least {
        return Err(NetError::NetworkMTUSubnetConflict { network: network.to_string(), mtu: least }.into());
    }
    Ok(())
}

/// Zones that are asked for must be there.
pub(crate) fn known_zones(hints: &[String], settings: &Settings) -> Result<()> {
    match hints.iter().find(|zone| **zone != settings.availability_zone) {
        Some(name) => Err(NetError::AvailabilityZoneNotFound { name: name.clone() }.into()),
        None => Ok(()),
    }
}
