use super::{
    gateway::{self, GatewayAsked},
    routes,
};
use crate::{
    Network as Service,
    error::NetError,
    model::{Router, subnet::Route},
    ops::{
        access::{Reach, Set, change},
        common::{Env, Expect, expected, save},
        ndp_proxy,
    },
    policy::router as rules,
};
use kernel::{Ctx, Result};
use serde::Deserialize;
use std::sync::Arc;
use store::Tx;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct RouterChanges {
    pub name: Option<String>,
    pub description: Option<String>,
    pub admin_state_up: Option<bool>,
    #[serde(deserialize_with = "crate::ops::common::given")]
    pub external_gateway_info: Option<Option<GatewayAsked>>,
    pub routes: Option<Vec<Route>>,
    pub distributed: Option<bool>,
    pub ha: Option<bool>,
    pub enable_ndp_proxy: Option<bool>,
    pub enable_default_route_ecmp: Option<bool>,
    pub enable_default_route_bfd: Option<bool>,
}

pub async fn update(
    net: &Service,
    cx: &Ctx,
    id: &str,
    set: &Set,
    changes: RouterChanges,
    expect: Expect,
) -> Result<Arc<Router>> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = change::<Router>(cx, &snapshot, &reach, id, &rules::UPDATE, set)?;
    let (env, id) = (net.env(), id.to_owned());
    net.store().transact("network.router.update", move |tx| apply(tx, &env, &reach, &id, &changes, expect)).await
}

fn apply(
    tx: &mut Tx,
    env: &Env,
    reach: &Reach,
    id: &str,
    changes: &RouterChanges,
    expect: Expect,
) -> Result<Arc<Router>> {
    let old = expected::<Router>(tx, id, expect)?;
    let mut new = Router::clone(&old);
    if let Some(name) = &changes.name {
        new.name.clone_from(name);
    }
    if let Some(description) = &changes.description {
        new.standard.description.clone_from(description);
    }
    new.admin_up = changes.admin_state_up.unwrap_or(old.admin_up);
    new.ecmp = changes.enable_default_route_ecmp.unwrap_or(old.ecmp);
    new.bfd = changes.enable_default_route_bfd.unwrap_or(old.bfd);
    apply_kind(&mut new, &old, changes)?;
    if let Some(asked) = &changes.external_gateway_info {
        gateway::set(tx, env, reach, &mut new, &asked.clone().unwrap_or_default())?;
        // Routes through the old gateway may lead nowhere now.
        routes::check(tx, &new, changes.routes.as_deref().unwrap_or(&old.routes), &env.settings)?;
    }
    if changes.external_gateway_info.is_some() || changes.enable_ndp_proxy.is_some() {
        ndp_proxy::set_router(tx, &mut new, changes.enable_ndp_proxy)?;
    }
    if let Some(wanted) = &changes.routes {
        routes::check(tx, &new, wanted, &env.settings)?;
        new.routes.clone_from(wanted);
    }
    Ok(save(tx, &old, new, env.now))
}

/// What kind of router it is called may change while it is down, as in Neutron.
fn apply_kind(new: &mut Router, old: &Router, changes: &RouterChanges) -> Result<()> {
    new.distributed = changes.distributed.unwrap_or(old.distributed);
    new.ha = changes.ha.unwrap_or(old.ha);
    if (new.distributed, new.ha) == (old.distributed, old.ha) {
        return Ok(());
    }
    if old.flavor.is_some() {
        let reason = "Changing the kind of a router that has a flavor is not supported";
        return Err(NetError::router(reason).into());
    }
    if old.admin_up || new.admin_up {
        let reason = "Cannot change the kind of an active router. Please set router admin_state_up to False before";
        return Err(NetError::router(reason).into());
    }
    Ok(())
}
