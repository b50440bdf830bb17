use super::{ensure_up, free};
use crate::{
    Network as Service,
    model::{Port, Resource, Trunk, quota},
    ops::{
        access::{Reach, Set, change},
        common::{Expect, expected},
    },
    policy::trunk as rules,
};
use kernel::{Ctx, Result};

/// All its ports are free again.
pub async fn delete(net: &Service, cx: &Ctx, id: &str, expect: Expect) -> Result<()> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = change::<Trunk>(cx, &snapshot, &reach, id, &rules::DELETE, &Set::default())?;
    let (now, id) = (net.env().now, id.to_owned());
    net.store()
        .transact("network.trunk.delete", move |tx| {
            let trunk = expected::<Trunk>(tx, &id, expect)?;
            ensure_up(&trunk)?;
            trunk.sub_ports.iter().for_each(|sub| free(tx, sub, now));
            tx.update::<Port>(&trunk.port, |p| {
                p.trunk = None;
                p.standard.touch(now);
            });
            tx.delete::<Trunk>(&id);
            quota::release(tx, trunk.project(), "trunk", 1);
            Ok(())
        })
        .await
}
