use super::{HostView, host_in};
use crate::{
    Compute, ComputeError,
    model::{ComputeHost, Maintenance, maintenance::Phase},
};
use kernel::{HostName, Result};
use policy::Permit;

/// What becomes of the servers that went elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Afterwards {
    ComeBack,
    StayAway,
}

impl Compute {
    /// The host takes servers again.
    pub async fn end_maintenance(&self, _permit: Permit, host: &str, afterwards: Afterwards) -> Result<HostView> {
        let (name, now) = (HostName::from(host), self.clock.now());
        let ended = self.store.transact("compute.maintenance.end", move |tx| {
            let host = host_in(tx, &name)?;
            let Some(was) = host.maintenance.clone() else {
                return Err(ComputeError::Conflict(format!("Host {name} is not in maintenance.")).into());
            };
            let back = Maintenance { since: now, phase: Phase::Returning, ..was };
            let returning = afterwards == Afterwards::ComeBack && !back.gone.is_empty();
            Ok(tx.put(ComputeHost {
                disabled: false,
                disabled_reason: None,
                maintenance: returning.then_some(back),
                updated: now,
                ..ComputeHost::clone(&host)
            }))
        });
        let host = ended.await?;
        Ok(self.host_view(&self.store.snapshot(), &host))
    }
}
