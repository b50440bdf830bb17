use super::gateway::{self, GatewayAsked};
use crate::{
    Network as Service,
    error::NetError,
    model::{Router, RouterFlavorId, Standard, quota},
    ops::{
        access::Reach,
        common::{Asked, Env, Guard, create_all},
        flavor, ndp_proxy,
        network::known_zones,
        security_group,
    },
    policy::router as rules,
};
use kernel::{Ctx, ProjectId, Result, RouterId};
use serde::Deserialize;
use std::sync::Arc;
use store::Tx;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct NewRouter {
    pub name: String,
    pub description: String,
    pub admin_state_up: bool,
    pub external_gateway_info: Option<GatewayAsked>,
    pub availability_zone_hints: Vec<String>,
    pub distributed: Option<bool>,
    pub ha: Option<bool>,
    pub flavor_id: Option<RouterFlavorId>,
    pub enable_ndp_proxy: Option<bool>,
    #[serde(default)]
    pub enable_default_route_ecmp: Option<bool>,
    #[serde(default)]
    pub enable_default_route_bfd: Option<bool>,
}

/// Makes routers, all or none.
pub async fn create(net: &Service, cx: &Ctx, asked: Vec<Asked<NewRouter>>) -> Result<Vec<Arc<Router>>> {
    for one in &asked {
        known_zones(&one.body.availability_zone_hints, net.settings())?;
    }
    let (guard, reach) = (Guard { table: rules::ALL, rule: &rules::CREATE }, Reach::of(cx));
    create_all(net, cx, guard, "network.router.create", asked, move |tx, env, one| {
        insert(tx, env, &reach, &one.project, &one.body)
    })
    .await
}

pub(crate) fn insert(
    tx: &mut Tx,
    env: &Env,
    reach: &Reach,
    project: &ProjectId,
    new: &NewRouter,
) -> Result<Arc<Router>> {
    quota::claim(tx, project, "router", 1)?;
    security_group::ensure_default(tx, env, project)?;
    let mut router = Router {
        id: RouterId::new(),
        standard: Standard::new(project, &new.description, env.now),
        name: new.name.clone(),
        admin_up: new.admin_state_up,
        gateway: None,
        more_gateways: Vec::new(),
        ecmp: new.enable_default_route_ecmp.unwrap_or_default(),
        bfd: new.enable_default_route_bfd.unwrap_or_default(),
        interfaces: Default::default(),
        routes: Vec::new(),
        zone_hints: new.availability_zone_hints.clone(),
        distributed: new.distributed.unwrap_or(true),
        ha: new.ha.unwrap_or(true),
        flavor: new.flavor_id.clone(),
        ndp_proxy: false,
        conntrack_helpers: Vec::new(),
        not_hosted_by: Default::default(),
    };
    if let Some(flavor) = &new.flavor_id {
        if new.distributed.is_some() || new.ha.is_some() {
            let reason = "Router flavor must not be specified together with distributed or ha".to_owned();
            return Err(NetError::BadRequest { resource: "router", reason }.into());
        }
        flavor::of_router(tx, flavor)?;
    }
    if let Some(asked) = &new.external_gateway_info {
        gateway::set(tx, env, reach, &mut router, asked)?;
    }
    ndp_proxy::set_router(tx, &mut router, new.enable_ndp_proxy)?;
    Ok(tx.put(router))
}
