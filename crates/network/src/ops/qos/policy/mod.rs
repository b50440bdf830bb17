//! QoS policies.

pub mod create;
pub mod delete;
pub mod update;

use crate::{error::NetError, model::QosPolicy};
use kernel::Result;
use store::Tx;

/// Makes the policy its project's default, or no longer.
fn set_default(tx: &mut Tx, policy: &mut QosPolicy, on: bool) -> Result<()> {
    let project = policy.standard.project.clone();
    match (policy.is_default, on) {
        (false, true) => tx.claim_unique(QosPolicy::DEFAULTS, &project, &policy.id).map_err(|_| {
            kernel::Error::from(NetError::QoSPolicyDefaultAlreadyExists { project: project.to_string() })
        })?,
        (true, false) => tx.release_unique(QosPolicy::DEFAULTS, &project, &policy.id),
        _ => {}
    }
    policy.is_default = on;
    Ok(())
}
