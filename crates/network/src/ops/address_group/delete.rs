use crate::{
    Network as Service,
    error::NetError,
    model::{AddressGroup, DefaultRule, SecurityGroupRule, security_group::RemoteSpec},
    ops::{
        access::{Reach, Set, change},
        common::{Expect, expected},
        network::forget_policies,
    },
    policy::address_group as rules,
};
use kernel::{Ctx, Result};

/// A rule that comes to refer to the group writes it, so that none can come unseen.
pub async fn delete(net: &Service, cx: &Ctx, id: &str, expect: Expect) -> Result<()> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = change::<AddressGroup>(cx, &snapshot, &reach, id, &rules::DELETE, &Set::default())?;
    let id = id.to_owned();
    net.store()
        .transact("network.address_group.delete", move |tx| {
            let group = expected::<AddressGroup>(tx, &id, expect)?;
            let remote = RemoteSpec::AddressGroup(group.id.clone());
            let in_default = tx.view().all::<DefaultRule>().any(|r| r.matches.remote == remote);
            if in_default || tx.view().count_by(SecurityGroupRule::BY_ADDRESS_GROUP, &id) > 0 {
                return Err(NetError::AddressGroupInUse { id: id.clone() }.into());
            }
            forget_policies(tx, &id);
            tx.delete::<AddressGroup>(&id);
            Ok(())
        })
        .await
}
