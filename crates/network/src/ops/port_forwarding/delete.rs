use super::{may, of, part};
use crate::{
    Network as Service,
    model::PortForwarding,
    ops::{access::Reach, common::expected},
    policy::port_forwarding as rules,
};
use kernel::{Ctx, Result};

pub async fn delete(net: &Service, cx: &Ctx, fip: &str, id: &str) -> Result<()> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = may(cx, &snapshot, &reach, fip, &rules::DELETE)?;
    of(&snapshot, fip, id)?;
    let (now, id) = (net.env().now, id.to_owned());
    net.store()
        .transact("network.port_forwarding.delete", move |tx| {
            let pf = expected::<PortForwarding>(tx, &id, None)?;
            part(tx, &pf, now);
            tx.delete::<PortForwarding>(&id);
            Ok(())
        })
        .await
}
