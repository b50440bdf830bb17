//! What a project may have, in Neutron's names and with its defaults.

use crate::error::NetError;
use kernel::{Kind, ProjectId, Result};
use ports::{QuotaDefault, Quotas};
use store::Tx;

const fn limit(resource: &'static str, limit: i64) -> QuotaDefault {
    QuotaDefault { resource, limit }
}

pub const QUOTAS: Quotas = Quotas {
    service: "network",
    defaults: &[
        limit("network", 100),
        limit("subnet", 100),
        limit("subnetpool", -1),
        limit("port", 500),
        limit("router", 10),
        limit("floatingip", 50),
        limit("security_group", 10),
        limit("security_group_rule", 100),
        limit("rbac_policy", 10),
        limit("trunk", -1),
    ],
};

/// Takes `amount` of a resource for a project. What belongs to no project is not counted.
pub fn claim(tx: &mut Tx, project: &ProjectId, resource: &'static str, amount: usize) -> Result<()> {
    if project.is_empty() || amount == 0 {
        return Ok(());
    }
    let amount = i64::try_from(amount).unwrap_or(i64::MAX);
    QUOTAS.claim(tx, project, &[(resource, amount)]).map_err(|error| {
        if error.is(Kind::OverQuota) {
            return NetError::OverQuota { overs: format!("'{resource}'") }.into();
        }
        error
    })
}

pub fn release(tx: &mut Tx, project: &ProjectId, resource: &'static str, amount: usize) {
    if !project.is_empty() && amount > 0 {
        QUOTAS.release(tx, project, &[(resource, i64::try_from(amount).unwrap_or(i64::MAX))]);
    }
}
