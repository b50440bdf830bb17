use crate::{
    Network as Service,
    error::NetError,
    model::{AddressScope, SubnetPool},
    ops::{
        access::{Reach, Set, change},
        common::{Expect, expected},
        network::forget_policies,
    },
    policy::address_scope as rules,
};
use kernel::{Ctx, Result};

/// A pool that joins writes the scope, so that none can come unseen.
pub async fn delete(net: &Service, cx: &Ctx, id: &str, expect: Expect) -> Result<()> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = change::<AddressScope>(cx, &snapshot, &reach, id, &rules::DELETE, &Set::default())?;
    let id = id.to_owned();
    net.store()
        .transact("network.address_scope.delete", move |tx| {
            expected::<AddressScope>(tx, &id, expect)?;
            if tx.view().count_by(SubnetPool::BY_SCOPE, &id) > 0 {
                return Err(NetError::AddressScopeInUse { id: id.clone() }.into());
            }
            forget_policies(tx, &id);
            tx.delete::<AddressScope>(&id);
            Ok(())
        })
        .await
}
