//! Several gateways of a router: added, removed, and set as a whole.
//!
//! One that is there is named by its network, and by an address of it if the router has more than one on that network. The first
//! of them all is the one that `external_gateway_info` shows; when it goes, the next one takes its place. Everything is found,
//! checked and written in one transaction, so a refusal leaves all as it was.

use super::{
    gateway::{self, GatewayAsked, adjust, attach, release, usable},
    routes,
};
use crate::{
    Network as Service,
    error::NetError,
    model::{Port, Router, router::Gateway},
    ops::{
        access::{Reach, Set},
        common::{Env, Expect, Of, update_one},
        ndp_proxy,
    },
    policy::router as rules,
};
use kernel::{Ctx, Result};
use std::sync::Arc;
use store::Tx;

/// What a request says of gateways, and which of it policy is asked for.
pub struct GatewaysAsked {
    pub set: Set,
    pub gateways: Vec<GatewayAsked>,
}

pub async fn add(net: &Service, cx: &Ctx, id: &str, asked: GatewaysAsked, expect: Expect) -> Result<Arc<Router>> {
    let of = Of { id, rule: &rules::ADD_EXTERNAL_GATEWAYS, label: "network.router.add_gateways", expect };
    let reach = Reach::of(cx);
    update_one::<Router>(net, cx, of, &asked.set, move |tx, env, router| {
        asked.gateways.iter().try_for_each(|one| add_one(tx, env, &reach, router, one))
    })
    .await
}

pub async fn remove(net: &Service, cx: &Ctx, id: &str, asked: GatewaysAsked, expect: Expect) -> Result<Arc<Router>> {
    let of = Of { id, rule: &rules::REMOVE_EXTERNAL_GATEWAYS, label: "network.router.remove_gateways", expect };
    update_one::<Router>(net, cx, of, &asked.set, move |tx, env, router| {
        let mut left: Vec<_> = router.gateways().cloned().collect();
        let gone: Vec<_> = asked.gateways.iter().map(|one| take(tx, router, &mut left, one)).collect::<Result<_>>()?;
        let absent = || NetError::UnableToMatchGateways { router: router.id.to_string() };
        let gone: Vec<_> = gone.into_iter().map(|found| found.ok_or_else(absent)).collect::<Result<_, _>>()?;
        keep(tx, env, router, left, &gone)
    })
    .await
}

/// The router has these gateways then, in this order; what is there already is kept and made as it is asked for.
pub async fn update(net: &Service, cx: &Ctx, id: &str, asked: GatewaysAsked, expect: Expect) -> Result<Arc<Router>> {
    let of = Of { id, rule: &rules::UPDATE_EXTERNAL_GATEWAYS, label: "network.router.update_gateways", expect };
    let reach = Reach::of(cx);
    update_one::<Router>(net, cx, of, &asked.set, move |tx, env, router| {
        let mut others: Vec<_> = router.gateways().cloned().collect();
        let found: Vec<_> =
            asked.gateways.iter().map(|one| take(tx, router, &mut others, one)).collect::<Result<_>>()?;
        // Those that go leave first: one that comes may need their subnets.
        keep(tx, env, router, found.iter().flatten().cloned().collect(), &others)?;
        let mut all = Vec::new();
        for (one, found) in asked.gateways.iter().zip(found) {
            let network = usable(tx, &reach, one.network_id.as_deref().unwrap_or_default(), one)?;
            all.push(match found {
                Some(mut gateway) => {
                    adjust(tx, env, &reach, &network, &mut gateway, one)?;
                    gateway
                }
                None => attach(tx, env, &reach, router, &network, one)?,
            });
        }
        router.set_gateways(all);
        still_routed(tx, env, router)
    })
    .await
}

fn add_one(tx: &mut Tx, env: &Env, reach: &Reach, router: &mut Router, asked: &GatewayAsked) -> Result<()> {
    if router.gateway.is_none() {
        return gateway::set(tx, env, reach, router, asked);
    }
    let network = usable(tx, reach, asked.network_id.as_deref().unwrap_or_default(), asked)?;
    let new = attach(tx, env, reach, router, &network, asked)?;
    router.more_gateways.push(new);
    Ok(())
}

/// Takes the gateway that is meant out of a list; `None` if none is.
fn take(tx: &mut Tx, router: &Router, of: &mut Vec<Gateway>, asked: &GatewayAsked) -> Result<Option<Gateway>> {
    let on_network: Vec<_> =
        (0..of.len()).filter(|at| Some(of[*at].network.as_str()) == asked.network_id.as_deref()).collect();
    let addresses = asked.external_fixed_ips.as_deref().unwrap_or_default();
    let has_one = |at: &usize, tx: &mut Tx| {
        let port = tx.get::<Port>(&of[*at].port);
        port.is_some_and(|p| p.fixed_ips.iter().any(|ip| addresses.iter().any(|a| a.ip_address == Some(ip.address))))
    };
    let meant = match on_network.as_slice() {
        [] => None,
        [only] if addresses.is_empty() => Some(*only),
        // Which of several is meant cannot be told.
        _ if addresses.is_empty() => {
            return Err(NetError::UnableToMatchGateways { router: router.id.to_string() }.into());
        }
        several => several.iter().copied().find(|at| has_one(at, tx)),
    };
    Ok(meant.map(|at| of.remove(at)))
}

/// The router keeps some gateways, in this order, and lets others go.
fn keep(tx: &mut Tx, env: &Env, router: &mut Router, kept: Vec<Gateway>, gone: &[Gateway]) -> Result<()> {
    router.set_gateways(kept);
    gone.iter().try_for_each(|gateway| release(tx, env, router, gateway))?;
    still_routed(tx, env, router)
}

/// Routes of a tenant through a gateway that went would lead nowhere, and proxies need the first one.
fn still_routed(tx: &mut Tx, env: &Env, router: &mut Router) -> Result<()> {
    routes::check(tx, router, &router.routes, &env.settings)?;
    ndp_proxy::set_router(tx, router, None)
}
