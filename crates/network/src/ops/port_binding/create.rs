use super::{BindingAsked, Bound, guests, may, one};
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

/// Binds a port to a host: the first binding is active, another one waits.
pub async fn create(net: &Service, cx: &Ctx, port: &str, host: HostName, asked: BindingAsked) -> Result<Bound> {
    may(cx, net, port, &rules::CREATE)?;
    let (now, port) = (net.env().now, port.to_owned());
    net.store()
        .transact("network.port_binding.create", move |tx| {
            let old = guests(tx, &port)?;
            if old.binding.host.as_ref() == Some(&host) || old.waiting.contains_key(&host) {
                let (port, host) = (old.id.to_string(), host.to_string());
                return Err(NetError::PortBindingAlreadyExists { port, host }.into());
            }
            let (mut new, waiting) = (Port::clone(&old), Waiting::of(&asked));
            if old.binding.host.is_none() {
                let Waiting { vnic_type, profile, .. } = waiting;
                new.binding = Binding { host: Some(host.clone()), vnic_type, profile };
            } else {
                new.waiting.insert(host.clone(), waiting);
            }
            one(&save(tx, &old, new, now), &host)
        })
        .await
}
