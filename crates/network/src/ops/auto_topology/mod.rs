//! "Give me a network": a network with a subnet of each default pool, behind a router whose gateway is on the default external
//! network. All of it is made in one transaction, so there is no half of one, and two that ask at once get the same.

mod delete;
mod make;

pub use delete::delete;

use crate::{
    Network as Service,
    error::NetError,
    model::{AutoTopology, Network, SubnetPool},
    ops::{
        access::{On, Reach},
        common::Env,
    },
    policy::auto_topology as rules,
};
use kernel::{Ctx, NetworkId, ProjectId, Result};
use policy::{Authorize, Permit, Rule};
use std::sync::Arc;
use store::Tx;

/// What an automatic topology is made from.
struct Ground {
    external: NetworkId,
    pools: Vec<Arc<SubnetPool>>,
}

fn ground(tx: &Tx) -> Result<Ground> {
    let failed = |reason: &str| NetError::AutoAllocationFailure { reason: reason.to_owned() };
    let external = tx.view().all::<Network>().find(|n| n.external && n.is_default);
    let external = external.ok_or_else(|| failed("No default router:external network"))?.id.clone();
    let mut pools: Vec<_> = tx.view().all::<SubnetPool>().filter(|p| p.is_default).collect();
    pools.sort_by_key(|p| p.ip_version());
    if pools.is_empty() {
        return Err(failed("No default subnetpools defined").into());
    }
    Ok(Ground { external, pools })
}

fn authorize(net: &Service, cx: &Ctx, project: &ProjectId, rule: &'static Rule) -> Result<Permit> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    cx.authorize(rule, &On::new(&snapshot, &reach, project))
}

/// A project's network; made if there is none.
pub async fn get(net: &Service, cx: &Ctx, project: &ProjectId) -> Result<NetworkId> {
    let _permit = authorize(net, cx, project, &rules::GET)?;
    let (env, project) = (net.env(), project.clone());
    net.store().transact("network.auto_topology.get", move |tx| ensure(tx, &env, &project)).await
}

/// The same in somebody's transaction.
pub(crate) fn ensure(tx: &mut Tx, env: &Env, project: &ProjectId) -> Result<NetworkId> {
    match tx.get::<AutoTopology>(project) {
        Some(known) if tx.get::<Network>(&known.network).is_some() => Ok(known.network.clone()),
        // Its network was removed by itself; the rest is the project's to keep.
        _ => make::make(tx, env, project),
    }
}

/// Whether one could be made.
pub async fn check(net: &Service, cx: &Ctx, project: &ProjectId) -> Result<()> {
    let _permit = authorize(net, cx, project, &rules::GET)?;
    net.store().transact("network.auto_topology.check", |tx| ground(tx).map(drop)).await
}
