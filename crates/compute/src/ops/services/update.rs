use super::{BINARY, list::Service, list::service};
use crate::{
    Compute, ComputeError,
    error::invalid,
    model::{ComputeHost, maintenance::Phase},
    policy::SERVICES_UPDATE,
};
use kernel::{Ctx, Result};
use policy::Authorize;

/// Which service: by UUID from 2.53 on, before that by host and binary.
pub(crate) enum Which {
    Id(String),
    Host { host: String, binary: String },
}

/// What is to change of it; what is absent stays.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    pub(crate) disabled: Option<bool>,
    pub(crate) reason: Option<String>,
    pub(crate) forced_down: Option<bool>,
}

pub(crate) async fn update(c: &Compute, cx: &Ctx, which: Which, change: Change) -> Result<Service> {
    let _permit = cx.authorize(&SERVICES_UPDATE, &())?;
    let snapshot = c.store.read().await?;
    let (name, missing) = match which {
        Which::Id(id) => {
            if uuid::Uuid::try_parse(&id).is_err() {
                return Err(invalid(format!("Invalid uuid {id}")));
            }
            let host = snapshot.all::<ComputeHost>().find(|h| h.service_id == id);
            (host.map(|h| h.name.clone()), ComputeError::NoService(id))
        }
        Which::Host { host, binary } => {
            let found = snapshot.get::<ComputeHost>(&host).filter(|_| binary == BINARY);
            let name = format!("{binary} on host {host}");
            (found.map(|h| h.name.clone()), ComputeError::NoService(name))
        }
    };
    let (name, now) = (name.ok_or(missing)?, cx.now());
    let changed = c.store.transact("compute.service.update", move |tx| {
        let host = tx.get::<ComputeHost>(&name).ok_or_else(|| ComputeError::NoService(name.to_string()))?;
        let mut new = ComputeHost::clone(&host);
        if let Some(disabled) = change.disabled {
            new.disabled = disabled;
            new.disabled_reason = change.reason.clone().filter(|_| disabled);
            // Who enables a host that is drained has no more use for that.
            new.maintenance = new.maintenance.take().filter(|m| disabled || m.phase != Phase::Draining);
        }
        new.forced_down = change.forced_down.unwrap_or(new.forced_down);
        new.updated = now;
        Ok(tx.put(new))
    });
    Ok(service(c, &snapshot, changed.await?))
}
