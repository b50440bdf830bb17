//! `/v2.0/floatingip-pools`: the subnets that floating IPs can be had from.

use super::{
    resource::{Look, View, list},
    spec::{Attr, Spec},
};
use crate::{
    Network as Service,
    error::NetError,
    model::{Network, Resource, Subnet},
    ops::access::{On, Seen},
    policy::floatingip as rules,
};
use http::ApiRouter;
use policy::Authorize;
use serde_json::Value;
use std::sync::Arc;

static SPEC: Spec = Spec {
    resource: "floatingip_pool",
    collection: "floatingip_pools",
    path: "/v2.0/floatingip-pools",
    attrs: &[&[
        Attr::shown("subnet_id").sorted(),
        Attr::shown("subnet_name").sorted(),
        Attr::shown("project_id").sorted(),
        Attr::shown("network_id").sorted(),
        Attr::shown("cidr").sorted(),
    ]],
};

struct Pool(Arc<Subnet>);

impl View for Pool {
    fn spec() -> &'static Spec {
        &SPEC
    }
    fn key(&self) -> &str {
        &self.0.id
    }
    fn find(look: &Look<'_>, id: &str) -> Option<Arc<Self>> {
        Some(Arc::new(Self(look.snapshot.get::<Subnet>(id)?)))
    }
    fn not_found(id: &str) -> NetError {
        <Subnet as Resource>::not_found(id)
    }
    fn candidates(look: &Look<'_>) -> Vec<Arc<Self>> {
        let external = <Network as Seen>::candidates(look.snapshot, look.reach).into_iter().filter(|n| n.external);
        let subnets = external.flat_map(|n| n.subnets.clone()).filter_map(|id| look.snapshot.get::<Subnet>(&id));
        let mut pools: Vec<_> = subnets.filter(|s| !s.is_v6()).map(|s| Arc::new(Self(s))).collect();
        pools.sort_by(|a, b| a.key().cmp(b.key()));
        pools
    }
    /// Who may look for pools at all sees those of the external networks that they see.
    fn is_seen(&self, look: &Look<'_>) -> bool {
        let project = look.reach.project.clone().unwrap_or_default();
        let network = look.snapshot.get::<Network>(&self.0.network);
        look.cx.allows(&rules::POOL_GET, &On::new(look.snapshot, look.reach, &project))
            && network.is_some_and(|n| Seen::is_seen(&*n, look.cx, look.snapshot, look.reach))
    }
    fn field(&self, name: &str, _: &Look<'_>) -> Value {
        match name {
            "subnet_id" => self.0.id.as_str().into(),
            "subnet_name" => self.0.name.as_str().into(),
            "project_id" => self.0.project().as_str().into(),
            "network_id" => self.0.network.as_str().into(),
            "cidr" => self.0.cidr.to_string().into(),
            _ => Value::Null,
        }
    }
}

pub fn routes() -> ApiRouter<Service> {
    ApiRouter::new().get("/v2.0/floatingip-pools", list::<Pool>)
}
