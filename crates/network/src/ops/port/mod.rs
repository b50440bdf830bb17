//! Ports.

pub mod address;
pub mod address_pairs;
pub mod create;
pub mod delete;
pub mod extras;
pub mod mac;
pub mod update;

use crate::{
    error::NetError,
    model::{Resource, SecurityGroup, port::AddressPair, rbac, rbac::Action},
    ops::access::Reach,
};
use kernel::{ProjectId, Result, SecurityGroupId};
use std::collections::BTreeSet;
use store::Tx;

/// Groups that a port of a project may be in: the project's own, and those shared with it. Administrators may take any.
pub(crate) fn usable_groups(
    tx: &mut Tx,
    project: &ProjectId,
    asked: &[SecurityGroupId],
    reach: &Reach,
) -> Result<BTreeSet<SecurityGroupId>> {
    let mut stateful = None;
    for id in asked {
        let group = tx.get::<SecurityGroup>(id);
        let usable = |g: &SecurityGroup| {
            reach.admin || g.project() == project || rbac::grants(tx.view(), &g.id, Action::Shared, Some(project))
        };
        let group = group.filter(|g| usable(g)).ok_or_else(|| SecurityGroup::not_found(id))?;
        if group.deleting {
            return Err(NetError::Deleting { what: "security group", id: id.to_string() }.into());
        }
        if stateful.is_some_and(|s| s != group.stateful) {
            let reason = "Cannot apply both stateful and stateless security groups on the same port at the same time";
            return Err(NetError::SecurityGroupConflict { reason: reason.to_owned() }.into());
        }
        stateful = Some(group.stateful);
    }
    Ok(asked.iter().cloned().collect())
}

/// Fills in the port's own MAC address where a pair names none.
pub(crate) fn full_pairs(pairs: &[PairAsked], mac: &str) -> Vec<AddressPair> {
    let full = |p: &PairAsked| AddressPair {
        mac: p.mac_address.clone().unwrap_or_else(|| mac.to_owned()),
        ip: p.ip_address.clone(),
    };
    pairs.iter().map(full).collect()
}

/// An allowed address pair as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct PairAsked {
    pub ip_address: String,
    pub mac_address: Option<String>,
}

/// A DHCP option as it is asked for; without a value it is taken away.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct OptionAsked {
    pub opt_name: String,
    pub opt_value: Option<String>,
    pub ip_version: Option<u8>,
}

/// Lays options over those that are there: by name and family, a missing value removes.
pub(crate) fn laid_over(
    current: &[crate::model::port::DhcpOption],
    asked: &[OptionAsked],
) -> Vec<crate::model::port::DhcpOption> {
    let mut options = current.to_vec();
    for one in asked {
        let ip_version = one.ip_version.unwrap_or(4);
        options.retain(|o| !(o.name == one.opt_name && o.ip_version == ip_version));
        if let Some(value) = &one.opt_value {
            let (name, value) = (one.opt_name.clone(), Some(value.clone()));
            options.push(crate::model::port::DhcpOption { name, value, ip_version });
        }
    }
    options
}
