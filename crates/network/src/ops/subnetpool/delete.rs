use crate::{
    Network as Service,
    error::NetError,
    model::{Resource, Subnet, SubnetPool, quota},
    ops::{
        access::{Reach, Set, change},
        common::{Expect, expected},
        network::forget_policies,
    },
    policy::subnetpool as rules,
};
use kernel::{Ctx, Result};

/// Whoever cuts a subnet writes the pool, so that the count of subnets cannot change unseen.
pub async fn delete(net: &Service, cx: &Ctx, id: &str, expect: Expect) -> Result<()> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = change::<SubnetPool>(cx, &snapshot, &reach, id, &rules::DELETE, &Set::default())?;
    let id = id.to_owned();
    net.store()
        .transact("network.subnetpool.delete", move |tx| {
            let pool = expected::<SubnetPool>(tx, &id, expect)?;
            if tx.view().count_by(Subnet::BY_POOL, &id) > 0 {
                let reason = "Subnet pool has existing allocations".to_owned();
                return Err(NetError::SubnetPoolDeleteError { reason }.into());
            }
            forget_policies(tx, &id);
            tx.delete::<SubnetPool>(&id);
            quota::release(tx, pool.project(), "subnetpool", 1);
            Ok(())
        })
        .await
}
