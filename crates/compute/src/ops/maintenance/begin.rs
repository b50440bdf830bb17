use super::{HostView, host_in};
use crate::{
    Compute,
    model::{ComputeHost, Maintenance, maintenance::Phase},
};
use kernel::{HostName, Result};
use policy::Permit;

impl Compute {
    /// The host takes no more servers, and those that it has go elsewhere. Asked again while it is drained, it changes the reason.
    pub async fn begin_maintenance(&self, _permit: Permit, host: &str, reason: Option<String>) -> Result<HostView> {
        let (name, now) = (HostName::from(host), self.clock.now());
        let begun = self.store.transact("compute.maintenance.begin", move |tx| {
            let host = host_in(tx, &name)?;
            let draining = host.maintenance.clone().filter(|m| m.phase == Phase::Draining);
            let fresh = || Maintenance { since: now, phase: Phase::Draining, gone: [].into() };
            Ok(tx.put(ComputeHost {
                disabled: true,
                disabled_reason: Some(reason.clone().unwrap_or_else(|| "maintenance".into())),
                maintenance: Some(draining.unwrap_or_else(fresh)),
                updated: now,
                ..ComputeHost::clone(&host)
            }))
        });
        let host = begun.await?;
        Ok(self.host_view(&self.store.snapshot(), &host))
    }
}
