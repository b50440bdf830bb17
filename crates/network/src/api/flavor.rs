//! `/v2.0/flavors` and `/v2.0/service_profiles`

use super::{
    body,
    crud::{create, delete, update, verbs},
    kind::Kind,
    resource::{Fields, Look, list, one, show},
    spec::{Attr, Default, ID, NAME, Spec},
};
use crate::{
    Network as Service,
    error::NetError,
    model::{Flavor, ServiceProfile, flavor::ROUTERS},
    ops::{
        flavor::{self, FlavorChanges, NewFlavor},
        service_profile::{self, NewServiceProfile, ServiceProfileChanges},
    },
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State};
use serde_json::{Value, json};

/// The services that are here, by Neutron's names.
const SERVICES: &[&str] =
    &[ROUTERS, "FLAVORS", "METERING", "QOS", "AUTO_ALLOCATE_TOPOLOGY", "TAG", "TRUNK", "LOGGING", "PORTFORWARDING"];

const DESCRIPTION: Attr = Attr::new("description", Kind::TextOrNull(1024), Default::Text("")).mutable().sorted();
const ENABLED: Attr = Attr::new("enabled", Kind::Bool, Default::Bool(true)).mutable().sorted();

static FLAVOR: Spec = Spec {
    resource: "flavor",
    collection: "flavors",
    path: "/v2.0/flavors",
    attrs: &[&[
        ID,
        NAME,
        DESCRIPTION,
        Attr::new("service_type", Kind::OneOf(SERVICES), Default::Required).sorted(),
        Attr::new("service_profiles", Kind::UuidList, Default::EmptyList),
        ENABLED,
    ]],
};

static PROFILE: Spec = Spec {
    resource: "service_profile",
    collection: "service_profiles",
    path: "/v2.0/service_profiles",
    attrs: &[&[
        ID,
        DESCRIPTION,
        Attr::new("driver", Kind::Text(1024), Default::Text("")).mutable().sorted(),
        Attr::new("metainfo", Kind::Text(4096), Default::Text("")).mutable().sorted(),
        ENABLED,
    ]],
};

impl Fields for Flavor {
    fn spec() -> &'static Spec {
        &FLAVOR
    }
    fn own(&self, name: &str, _: &Look<'_>) -> Value {
        match name {
            "name" => self.name.as_str().into(),
            "service_type" => self.service_type.as_str().into(),
            "service_profiles" => json!(self.profiles),
            "enabled" => self.enabled.into(),
            _ => Value::Null,
        }
    }
}

impl Fields for ServiceProfile {
    fn spec() -> &'static Spec {
        &PROFILE
    }
    fn own(&self, name: &str, _: &Look<'_>) -> Value {
        match name {
            "driver" => self.driver.as_str().into(),
            "metainfo" => self.metainfo.as_str().into(),
            "enabled" => self.enabled.into(),
            _ => Value::Null,
        }
    }
}

verbs!(Flavor, NewFlavor, FlavorChanges, in flavor);
verbs!(ServiceProfile, NewServiceProfile, ServiceProfileChanges, in service_profile);

pub fn routes() -> ApiRouter<Service> {
    ApiRouter::new()
        .get("/v2.0/flavors", list::<Flavor>)
        .post("/v2.0/flavors", create::<Flavor>)
        .get("/v2.0/flavors/{id}", show::<Flavor>)
        .put("/v2.0/flavors/{id}", update::<Flavor>)
        .delete("/v2.0/flavors/{id}", delete::<Flavor>)
        .post("/v2.0/flavors/{id}/service_profiles", bind)
        .delete("/v2.0/flavors/{id}/service_profiles/{profile_id}", unbind)
        .get("/v2.0/service_profiles", list::<ServiceProfile>)
        .post("/v2.0/service_profiles", create::<ServiceProfile>)
        .get("/v2.0/service_profiles/{id}", show::<ServiceProfile>)
        .put("/v2.0/service_profiles/{id}", update::<ServiceProfile>)
        .delete("/v2.0/service_profiles/{id}", delete::<ServiceProfile>)
}

/// `{"service_profile": {"id": …}}`, answered with the flavor under that same name, as in Neutron.
async fn bind(State(net): State<Service>, Cx(cx): Cx, Path(id): Path<String>, JsonBody(body): JsonBody) -> ApiResult {
    let given =
        body.get("service_profile").ok_or(NetError::request("Resource body required")).map_err(kernel::Error::from)?;
    let flavor = flavor::bind(&net, &cx, &id, &body::id_in(given, "id")?).await?;
    let mut shown = one(&net, &cx, flavor.as_ref(), &[]);
    Ok(http::created(&json!({"service_profile": shown["flavor"].take()})))
}

async fn unbind(State(net): State<Service>, Cx(cx): Cx, Path((id, profile)): Path<(String, String)>) -> ApiResult {
    flavor::unbind(&net, &cx, &id, &profile).await?;
    Ok(http::no_content())
}
