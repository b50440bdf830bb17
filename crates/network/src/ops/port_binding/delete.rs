use super::{absent, may};
use crate::{
    Network as Service,
    model::Port,
    ops::common::{expected, save},
    policy::port_binding as rules,
};
use kernel::{Ctx, HostName, Result};

pub async fn delete(net: &Service, cx: &Ctx, port: &str, host: &str) -> Result<()> {
    may(cx, net, port, &rules::DELETE)?;
    let (now, port, host) = (net.env().now, port.to_owned(), HostName::from(host));
    net.store()
        .transact("network.port_binding.delete", move |tx| {
            let old = expected::<Port>(tx, &port, None)?;
            let mut new = Port::clone(&old);
            if old.binding.host.as_ref() == Some(&host) {
                new.binding.host = None;
                new.plugged = false;
            } else if new.waiting.remove(&host).is_none() {
                return Err(absent(&old, &host).into());
            }
            save(tx, &old, new, now);
            Ok(())
        })
        .await
}
