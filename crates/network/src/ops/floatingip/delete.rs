use super::associate;
use crate::{
    Network as Service,
    error::NetError,
    model::{FloatingIp, Port, Resource, quota},
    ops::{
        access::{Reach, Set, change},
        common::{Expect, expected},
        port,
    },
    policy::floatingip as rules,
};
use kernel::{Ctx, Result, Timestamp};
use store::Tx;

pub async fn delete(net: &Service, cx: &Ctx, id: &str, expect: Expect) -> Result<()> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = change::<FloatingIp>(cx, &snapshot, &reach, id, &rules::DELETE, &Set::default())?;
    let (env, id) = (net.env(), id.to_owned());
    net.store()
        .transact("network.floatingip.delete", move |tx| {
            let fip = expected::<FloatingIp>(tx, &id, expect)?;
            if fip.forwards.is_some() {
                return Err(NetError::FipInUseByPortForwarding { id: id.clone() }.into());
            }
            associate::point(tx, &env, &mut FloatingIp::clone(&fip), None);
            remove(tx, &fip, env.now);
            Ok(())
        })
        .await
}

/// Removes a floating IP that leads nowhere, with all it claims.
pub(crate) fn remove(tx: &mut Tx, fip: &FloatingIp, now: Timestamp) {
    if let Some(port) = tx.get::<Port>(&fip.external_port) {
        port::delete::remove(tx, &port, now);
    }
    tx.delete::<FloatingIp>(&fip.id);
    quota::release(tx, fip.project(), "floatingip", 1);
}
