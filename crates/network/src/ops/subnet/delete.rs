//! Deleting a subnet: in two transactions, for the reason told in [`crate::ops::network::delete`].

use super::onto_ports;
use crate::{
    Network as Service,
    error::NetError,
    model::{Network, Port, Resource, Subnet, SubnetPool, address::AddressClaim, port::Role, quota},
    ops::{
        access::{Reach, Set, change},
        common::{Env, Expect, expected},
        network::metadata,
    },
    policy::subnet as rules,
};
use kernel::{Ctx, Result};
use store::Tx;

pub async fn delete(net: &Service, cx: &Ctx, id: &str, expect: Expect) -> Result<()> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = change::<Subnet>(cx, &snapshot, &reach, id, &rules::DELETE, &Set::default())?;
    let marked = id.to_owned();
    net.store()
        .transact("network.subnet.mark", move |tx| {
            let subnet = expected::<Subnet>(tx, &marked, expect)?;
            ensure_unused(tx, &subnet)?;
            tx.put(Subnet { deleting: true, ..Subnet::clone(&subnet) });
            Ok(())
        })
        .await?;
    finish(net, id).await
}

/// Carries a marked deletion to its end, whichever that is.
pub(crate) async fn finish(net: &Service, id: &str) -> Result<()> {
    let (env, id) = (net.env(), id.to_owned());
    net.store().transact("network.subnet.delete", move |tx| remove(tx, &env, &id)).await?
}

/// The outer error is the store's or a bug, the inner one a refusal, which is written.
fn remove(tx: &mut Tx, env: &Env, id: &str) -> Result<Result<()>> {
    let Some(subnet) = tx.get::<Subnet>(id).filter(|s| s.deleting) else { return Ok(Ok(())) };
    if let Err(refusal) = ensure_unused(tx, &subnet) {
        tx.put(Subnet { deleting: false, ..Subnet::clone(&subnet) });
        return Ok(Err(refusal));
    }
    onto_ports::goes(tx, &subnet, env.now);
    tx.update::<Network>(&subnet.network, |n| {
        n.subnets.retain(|s| *s != subnet.id);
        n.standard.touch(env.now);
    });
    forget(tx, &subnet);
    metadata::sync(tx, env, &subnet.network)?;
    Ok(Ok(()))
}

/// Removes the subnet and its claims; its network and ports are the caller's.
pub(crate) fn forget(tx: &mut Tx, subnet: &Subnet) {
    if let Some(pool) = &subnet.subnetpool {
        tx.update::<SubnetPool>(pool, |p| p.serial += 1);
    }
    if tx.delete::<Subnet>(&subnet.id) {
        quota::release(tx, subnet.project(), "subnet", 1);
    }
}

/// Addresses that ports made themselves or that go with the network hold no subnet back; routers' do.
fn ensure_unused(tx: &Tx, subnet: &Subnet) -> Result<()> {
    let view = tx.view();
    let ports = view.by(AddressClaim::BY_SUBNET, &subnet.id).filter_map(|claim| view.get::<Port>(&claim.port));
    let holds = |port: &Port| match port.role() {
        Role::Metadata | Role::Dhcp => false,
        Role::RouterInterface => true,
        _ => !subnet.is_auto_address(),
    };
    if ports.into_iter().any(|port| holds(&port)) {
        let reason = "One or more ports have an IP allocation from this subnet".to_owned();
        return Err(NetError::SubnetInUse { id: subnet.id.to_string(), reason }.into());
    }
    Ok(())
}
