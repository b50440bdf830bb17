use super::{BindingAsked, Bound, absent, guests, may, one};
use crate::{Network as Service, model::Port, ops::common::save, policy::port_binding as rules};
use kernel::{Ctx, HostName, Result};

pub async fn update(net: &Service, cx: &Ctx, port: &str, host: &str, asked: BindingAsked) -> Result<Bound> {
    may(cx, net, port, &rules::CREATE)?;
    let (now, port, host) = (net.env().now, port.to_owned(), HostName::from(host));
    net.store()
        .transact("network.port_binding.update", move |tx| {
            let old = guests(tx, &port)?;
            let mut new = Port::clone(&old);
            let (vnic_type, profile) = if old.binding.host.as_ref() == Some(&host) {
                (&mut new.binding.vnic_type, &mut new.binding.profile)
            } else {
                let waiting = new.waiting.get_mut(&host).ok_or_else(|| absent(&old, &host))?;
                (&mut waiting.vnic_type, &mut waiting.profile)
            };
            if let Some(given) = &asked.vnic_type {
                vnic_type.clone_from(given);
            }
            if let Some(given) = &asked.profile {
                profile.clone_from(given);
            }
            one(&save(tx, &old, new, now), &host)
        })
        .await
}
