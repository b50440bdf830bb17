use super::set_default;
use crate::{
    Network as Service,
    error::NetError,
    model::QosPolicy,
    ops::{
        access::{Reach, Set, change},
        common::{Expect, expected},
        network::forget_policies,
        qos::user,
    },
    policy::qos as rules,
};
use kernel::{Ctx, Result};

/// Whoever comes to refer to the policy writes it, so that none can come unseen.
pub async fn delete(net: &Service, cx: &Ctx, id: &str, expect: Expect) -> Result<()> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = change::<QosPolicy>(cx, &snapshot, &reach, id, &rules::DELETE, &Set::default())?;
    let id = id.to_owned();
    net.store()
        .transact("network.qos_policy.delete", move |tx| {
            let mut policy = QosPolicy::clone(&*expected::<QosPolicy>(tx, &id, expect)?);
            if let Some((what, object)) = user(tx, &id) {
                return Err(NetError::QosPolicyInUse { policy: id.clone(), what, object }.into());
            }
            set_default(tx, &mut policy, false)?;
            forget_policies(tx, &id);
            tx.delete::<QosPolicy>(&id);
            Ok(())
        })
        .await
}
