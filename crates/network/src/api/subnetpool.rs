//! `/v2.0/subnetpools`

use super::{
    body,
    crud::{create, delete, update, verbs},
    kind::Kind,
    resource::{Fields, Look, list, show},
    spec::{Attr, Default, ID, STANDARD, Spec, TAGS},
    tags,
};
use crate::{
    Network as Service,
    error::NetError,
    model::{SubnetPool, rbac, rbac::Action},
    ops::subnetpool::{self, create::NewSubnetPool, update::SubnetPoolChanges},
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State};
use ipnet::IpNet;
use serde_json::{Value, json};

static SPEC: Spec = Spec {
    resource: "subnetpool",
    collection: "subnetpools",
    path: "/v2.0/subnetpools",
    attrs: &[
        &[
            ID,
            Attr::new("name", Kind::NotEmptyName(255), Default::Required).mutable().sorted(),
            Attr::new("prefixes", Kind::CidrList, Default::Required).mutable(),
            Attr::new("default_quota", Kind::NonNegative, Default::Unset).mutable().sorted(),
            Attr::shown("ip_version").of(Kind::IpVersion).sorted(),
            Attr::new("default_prefixlen", Kind::NonNegative, Default::Unset).mutable().sorted(),
            Attr::new("min_prefixlen", Kind::NonNegative, Default::Unset).mutable().sorted(),
            Attr::new("max_prefixlen", Kind::NonNegative, Default::Unset).mutable().sorted(),
            Attr::new("is_default", Kind::Bool, Default::Bool(false)).mutable().sorted(),
            Attr::new("shared", Kind::Bool, Default::Bool(false)).sorted(),
            Attr::new("address_scope_id", Kind::UuidOrNull, Default::Null).mutable().sorted(),
        ],
        STANDARD,
        TAGS,
    ],
};

impl Fields for SubnetPool {
    fn spec() -> &'static Spec {
        &SPEC
    }

    fn own(&self, name: &str, look: &Look<'_>) -> Value {
        match name {
            "name" => self.name.as_str().into(),
            "prefixes" => json!(self.prefixes),
            "default_quota" => self.default_quota.into(),
            "ip_version" => self.ip_version().into(),
            // Texts, as Neutron has them.
            "default_prefixlen" => self.default_prefixlen.to_string().into(),
            "min_prefixlen" => self.min_prefixlen.to_string().into(),
            "max_prefixlen" => self.max_prefixlen.to_string().into(),
            "address_scope_id" => self.address_scope.as_deref().into(),
            "is_default" => self.is_default.into(),
            "shared" => rbac::grants(look.snapshot, &self.id, Action::Shared, look.reach.project.as_deref()).into(),
            _ => Value::Null,
        }
    }
}

verbs!(SubnetPool, NewSubnetPool, SubnetPoolChanges, subnetpool);

pub fn routes() -> ApiRouter<Service> {
    ApiRouter::new()
        .get("/v2.0/subnetpools", list::<SubnetPool>)
        .post("/v2.0/subnetpools", create::<SubnetPool>)
        .get("/v2.0/subnetpools/{id}", show::<SubnetPool>)
        .put("/v2.0/subnetpools/{id}", update::<SubnetPool>)
        .delete("/v2.0/subnetpools/{id}", delete::<SubnetPool>)
        .put("/v2.0/subnetpools/{id}/add_prefixes", add_prefixes)
        .put("/v2.0/subnetpools/{id}/remove_prefixes", remove_prefixes)
        .put("/v2.0/subnetpools/{id}/onboard_network_subnets", onboard)
        .merge(tags::routes::<SubnetPool>("/v2.0/subnetpools/{id}/tags", "/v2.0/subnetpools/{id}/tags/{tag}"))
}

/// The body of both prefix actions, `{"prefixes": […]}`.
fn prefixes(body: &Value) -> kernel::Result<Vec<IpNet>> {
    let wrong = || NetError::request("Invalid input for prefixes. Reason: a list of prefixes is needed.");
    let given = body.get("prefixes").ok_or_else(wrong)?;
    let read = Kind::CidrList.read("prefixes", given)?;
    serde_json::from_value(read).map_err(|_| wrong().into())
}

async fn add_prefixes(
    State(net): State<Service>,
    Cx(cx): Cx,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let pool = subnetpool::prefixes::add(&net, &cx, &id, prefixes(&body)?).await?;
    Ok(http::ok(&json!({"prefixes": pool.prefixes})))
}

async fn remove_prefixes(
    State(net): State<Service>,
    Cx(cx): Cx,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let pool = subnetpool::prefixes::remove(&net, &cx, &id, prefixes(&body)?).await?;
    Ok(http::ok(&json!({"prefixes": pool.prefixes})))
}

/// `{"network_id": …}`, answered with the subnets that are the pool's now.
async fn onboard(
    State(net): State<Service>,
    Cx(cx): Cx,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let network = body::id_in(&body, "network_id")?;
    let subnets = subnetpool::prefixes::onboard(&net, &cx, &id, &network).await?;
    let shown: Vec<_> = subnets.iter().map(|s| json!({"id": s.id, "cidr": s.cidr})).collect();
    Ok(http::ok(&shown))
}
