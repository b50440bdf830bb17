use super::{Bound, absent, guests, may, one};
use crate::{
    Network as Service,
    error::NetError,
    model::{
        Port,
        port::{Binding, Waiting},
    },
    ops::common::save,
    policy::port_binding as rules,
};
use kernel::{Ctx, HostName, Result};

/// The guest is on that host now; the binding that was active is none any more, but stays until it is deleted.
pub async fn activate(net: &Service, cx: &Ctx, port: &str, host: &str) -> Result<Bound> {
    may(cx, net, port, &rules::ACTIVATE)?;
    let (now, port, host) = (net.env().now, port.to_owned(), HostName::from(host));
    net.store()
        .transact("network.port_binding.activate", move |tx| {
            let old = guests(tx, &port)?;
            if old.binding.host.as_ref() == Some(&host) {
                let (port, host) = (old.id.to_string(), host.to_string());
                return Err(NetError::PortBindingAlreadyActive { port, host }.into());
            }
            let mut new = Port::clone(&old);
            let chosen = new.waiting.remove(&host).ok_or_else(|| absent(&old, &host))?;
            let Binding { host: former, vnic_type, profile } = std::mem::take(&mut new.binding);
            if let Some(former) = former {
                new.waiting.insert(former, Waiting { vnic_type, profile, usable: false });
            }
            let Waiting { vnic_type, profile, .. } = chosen;
            new.binding = Binding { host: Some(host.clone()), vnic_type, profile };
            new.plugged = false;
            one(&save(tx, &old, new, now), &host)
        })
        .await
}
