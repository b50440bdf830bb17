use super::associate;
use crate::{
    Network as Service,
    model::{FloatingIp, Port, Resource, quota},
    ops::{
        access::{Reach, Set, change},
        common::{Expect, expected},
        port,
    },
    policy::floatingip as rules,
};
use kernel::{Ctx, Result};

pub async fn delete(net: &Service, cx: &Ctx, id: &str, expect: Expect) -> Result<()> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = change::<FloatingIp>(cx, &snapshot, &reach, id, &rules::DELETE, &Set::default())?;
    let (env, id) = (net.env(), id.to_owned());
    net.store()
        .transact("network.floatingip.delete", move |tx| {
            let mut fip = FloatingIp::clone(&*expected::<FloatingIp>(tx, &id, expect)?);
            associate::point(tx, &env, &mut fip, None);
            if let Some(port) = tx.get::<Port>(&fip.external_port) {
                port::delete::remove(tx, &port, env.now);
            }
            tx.delete::<FloatingIp>(&id);
            quota::release(tx, fip.project(), "floatingip", 1);
            Ok(())
        })
        .await
}
