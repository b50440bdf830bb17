//! NDP proxies, and what a router must have for them: a gateway with IPv6 on a network that is in an address scope, the same as
//! the inner network's, for across scopes nothing is forwarded untranslated.

mod create;

pub use create::{NewNdpProxy, create};

use crate::{
    Network as Service,
    error::NetError,
    model::{NdpProxy, Network, Port, Router, Subnet, address_scope},
    ops::{
        access::Set,
        common::{Expect, Of, delete_one, take, update_one},
    },
    policy::ndp_proxy as rules,
};
use kernel::{Ctx, Result, SubnetId};
use serde::Deserialize;
use std::{net::IpAddr, sync::Arc};
use store::Tx;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct NdpProxyChanges {
    pub name: Option<String>,
    pub description: Option<String>,
}

pub async fn update(
    net: &Service,
    cx: &Ctx,
    id: &str,
    set: &Set,
    changes: NdpProxyChanges,
    expect: Expect,
) -> Result<Arc<NdpProxy>> {
    let of = Of { id, rule: &rules::UPDATE, label: "network.ndp_proxy.update", expect };
    update_one::<NdpProxy>(net, cx, of, set, move |_, _, proxy| {
        take(&mut proxy.name, &changes.name);
        take(&mut proxy.standard.description, &changes.description);
        Ok(())
    })
    .await
}

pub async fn delete(net: &Service, cx: &Ctx, id: &str, expect: Expect) -> Result<()> {
    let of = Of { id, rule: &rules::DELETE, label: "network.ndp_proxy.delete", expect };
    delete_one::<NdpProxy>(net, cx, of, |_, _, _| Ok(())).await
}

/// Settles whether a router may have proxies, after its gateway is as it shall be. Asked for, it must be possible; otherwise it
/// stays what it was.
pub(crate) fn set_router(tx: &mut Tx, router: &mut Router, asked: Option<bool>) -> Result<()> {
    if asked == Some(true) && !has_scoped_gateway(tx, router) {
        return Err(NetError::RouterGatewayNotValid { router: router.id.to_string() }.into());
    }
    router.ndp_proxy = asked.unwrap_or(router.ndp_proxy) && router.gateway.is_some();
    if !router.ndp_proxy {
        ensure_none(tx, router)?;
    }
    Ok(())
}

fn has_scoped_gateway(tx: &mut Tx, router: &Router) -> bool {
    let Some(gateway) = &router.gateway else { return false };
    let (network, port) = (tx.get::<Network>(&gateway.network), tx.get::<Port>(&gateway.port));
    let scoped = network.is_some_and(|n| address_scope::of_network(tx.view(), &n, 6).is_some());
    scoped && port.is_some_and(|p| p.fixed_ips.iter().any(|ip| ip.address.is_ipv6()))
}

/// A gateway that proxies answer on cannot be taken away.
pub(crate) fn ensure_none(tx: &Tx, router: &Router) -> Result<()> {
    if tx.view().count_by(NdpProxy::BY_ROUTER, &router.id) > 0 {
        return Err(NetError::RouterGatewayInUseByNDPProxy { router: router.id.to_string() }.into());
    }
    Ok(())
}

/// A subnet whose addresses proxies answer for cannot leave its router.
pub(crate) fn ensure_none_on(tx: &mut Tx, router: &Router, subnet: &SubnetId) -> Result<()> {
    let proxies = tx.by(NdpProxy::BY_ROUTER, &router.id);
    let cidr = tx.get::<Subnet>(subnet).map(|s| s.cidr);
    if proxies.iter().any(|p| cidr.is_some_and(|c| c.contains(&IpAddr::V6(p.address)))) {
        let (router, subnet) = (router.id.to_string(), subnet.to_string());
        return Err(NetError::RouterInterfaceInUseByNDPProxy { router, subnet }.into());
    }
    Ok(())
}

/// Removes those of a port that goes.
pub(crate) fn forget(tx: &mut Tx, port: &str) {
    for proxy in tx.by(NdpProxy::BY_PORT, port) {
        tx.delete::<NdpProxy>(&proxy.id);
    }
}
