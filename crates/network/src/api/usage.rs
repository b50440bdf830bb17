//! `/v2.0/network-ip-availabilities`

use super::{
    kind::Kind,
    query::Query,
    resource::{Look, View, list},
    spec::{Attr, PROJECT, Spec},
};
use crate::{
    Network as Service,
    error::NetError,
    model::{Network, Resource},
    ops::usage::{self, NetworkUse, SubnetUse},
};
use http::{ApiResult, ApiRouter, Cx, Path, State};
use serde_json::{Value, json};
use std::sync::Arc;

static SPEC: Spec = Spec {
    resource: "network_ip_availability",
    collection: "network_ip_availabilities",
    path: "/v2.0/network-ip-availabilities",
    attrs: &[&[
        Attr::shown("network_id").sorted(),
        Attr::shown("network_name").filtered(),
        PROJECT,
        Attr::shown("total_ips"),
        Attr::shown("used_ips"),
        Attr::shown("subnet_ip_availability"),
        Attr::shown("ip_version").of(Kind::IpVersion).hidden().filtered(),
    ]],
};

/// Counts beyond 64 bits are larger than anything anybody does with them.
fn count(n: u128) -> Value {
    u64::try_from(n).unwrap_or(u64::MAX).into()
}

fn subnet(s: &SubnetUse) -> Value {
    json!({
        "subnet_id": s.subnet.id,
        "subnet_name": s.subnet.name,
        "cidr": s.subnet.cidr,
        "ip_version": s.subnet.ip_version(),
        "total_ips": count(s.total),
        "used_ips": count(s.used),
    })
}

impl View for NetworkUse {
    fn spec() -> &'static Spec {
        &SPEC
    }
    fn key(&self) -> &str {
        self.id()
    }
    fn find(look: &Look<'_>, id: &str) -> Option<Arc<Self>> {
        let network = look.snapshot.get::<Network>(id)?;
        Some(Arc::new(usage::of(look.snapshot, network, None)))
    }
    fn not_found(id: &str) -> NetError {
        <Network as Resource>::not_found(id)
    }
    fn candidates(look: &Look<'_>) -> Vec<Arc<Self>> {
        look.snapshot.all::<Network>().map(|n| Arc::new(usage::of(look.snapshot, n, None))).collect()
    }
    fn narrowed(look: &Look<'_>, query: &Query) -> Option<Vec<Arc<Self>>> {
        let version = query.number("ip_version").and_then(|v| u8::try_from(v).ok())?;
        let uses = look.snapshot.all::<Network>().map(|n| usage::of(look.snapshot, n, Some(version)));
        Some(uses.filter(|u| !u.subnets.is_empty()).map(Arc::new).collect())
    }
    fn is_seen(&self, look: &Look<'_>) -> bool {
        usage::allowed(look.cx).is_ok()
    }
    fn field(&self, name: &str, _: &Look<'_>) -> Value {
        let sum = |of: fn(&SubnetUse) -> u128| self.subnets.iter().map(of).fold(0, u128::saturating_add);
        match name {
            "network_id" => self.id().into(),
            "network_name" => self.network.name.as_str().into(),
            "project_id" => self.network.project().as_str().into(),
            "total_ips" => count(sum(|s| s.total)),
            "used_ips" => count(sum(|s| s.used)),
            "subnet_ip_availability" => self.subnets.iter().map(subnet).collect(),
            "ip_version" => self.subnets.iter().map(|s| s.subnet.ip_version()).collect::<Vec<_>>().into(),
            _ => Value::Null,
        }
    }
}

pub fn routes() -> ApiRouter<Service> {
    ApiRouter::new()
        .get("/v2.0/network-ip-availabilities", list::<NetworkUse>)
        .get("/v2.0/network-ip-availabilities/{id}", show)
}

async fn show(State(net): State<Service>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    let _permit = usage::allowed(&cx)?;
    let found = super::resource::seen::<NetworkUse>(&net, &cx, &id)?;
    Ok(http::ok(&super::resource::one(&net, &cx, found.as_ref(), &[])))
}
