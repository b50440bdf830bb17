use super::gateway;
use crate::{
    Network as Service,
    error::NetError,
    model::{Resource, Router, quota},
    ops::{
        access::{Reach, Set, change},
        common::{Expect, expected, listed},
    },
    policy::router as rules,
};
use kernel::{Ctx, Result};

/// Interfaces are kept in the router itself, so that none can come unseen.
pub async fn delete(net: &Service, cx: &Ctx, id: &str, expect: Expect) -> Result<()> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = change::<Router>(cx, &snapshot, &reach, id, &rules::DELETE, &Set::default())?;
    let (env, id) = (net.env(), id.to_owned());
    net.store()
        .transact("network.router.delete", move |tx| {
            let mut router = Router::clone(&*expected::<Router>(tx, &id, expect)?);
            if !router.interfaces.is_empty() {
                let reason =
                    format!("has ports still attached: {}", listed(router.interfaces.iter().map(|p| p.as_str())));
                return Err(NetError::RouterInUse { id: id.clone(), reason }.into());
            }
            while router.gateway.is_some() {
                gateway::clear(tx, &env, &mut router)?;
            }
            tx.delete::<Router>(&id);
            quota::release(tx, router.project(), "router", 1);
            Ok(())
        })
        .await
}
