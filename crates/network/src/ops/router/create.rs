use super::gateway::{self, GatewayAsked};
use crate::{
    Network as Service,
    model::{Router, Standard, quota},
    ops::{
        access::{On, Reach, authorize},
        common::{Asked, Env},
        network::known_zones,
        security_group,
    },
    policy::router as rules,
};
use kernel::{Ctx, ProjectId, Result, RouterId};
use serde::Deserialize;
use std::sync::Arc;
use store::Tx;

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NewRouter {
    pub name: String,
    pub description: String,
    pub admin_state_up: bool,
    pub external_gateway_info: Option<GatewayAsked>,
    pub availability_zone_hints: Vec<String>,
}

/// Makes routers, all or none.
pub async fn create(net: &Service, cx: &Ctx, asked: Vec<Asked<NewRouter>>) -> Result<Vec<Arc<Router>>> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    for one in &asked {
        let on = On::new(&snapshot, &reach, &one.project);
        let _permit = authorize(cx, rules::ALL, &rules::CREATE, &one.set, &on)?;
        known_zones(&one.body.availability_zone_hints, net.settings())?;
    }
    let env = net.env();
    net.store()
        .transact("network.router.create", move |tx| {
            asked.iter().map(|one| insert(tx, &env, &reach, &one.project, &one.body)).collect()
        })
        .await
}

fn insert(tx: &mut Tx, env: &Env, reach: &Reach, project: &ProjectId, new: &NewRouter) -> Result<Arc<Router>> {
    quota::claim(tx, project, "router", 1)?;
    security_group::ensure_default(tx, env, project)?;
    let mut router = Router {
        id: RouterId::new(),
        standard: Standard::new(project, &new.description, env.now),
        name: new.name.clone(),
        admin_up: new.admin_state_up,
        gateway: None,
        interfaces: Default::default(),
        routes: Vec::new(),
        zone_hints: new.availability_zone_hints.clone(),
    };
    if let Some(asked) = &new.external_gateway_info {
        gateway::set(tx, env, reach, &mut router, asked)?;
    }
    Ok(tx.put(router))
}
