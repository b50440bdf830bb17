//! `/v2.0/rbac-policies`

use super::{
    body,
    kind::Kind,
    resource::{Look, View, list, made, one, show},
    spec::{Attr, Default, ID, PROJECT, Spec},
};
use crate::{
    Network as Service,
    error::NetError,
    model::RbacPolicy,
    ops::rbac::{self, NewRbacPolicy},
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

static SPEC: Spec = Spec {
    resource: "rbac_policy",
    collection: "rbac_policies",
    path: "/v2.0/rbac-policies",
    attrs: &[&[
        ID,
        PROJECT,
        Attr::new("object_type", Kind::Text(255), Default::Required).filtered(),
        Attr::new("object_id", Kind::Uuid, Default::Required).filtered(),
        Attr::new("action", Kind::Text(255), Default::Required).filtered(),
        Attr::new("target_tenant", Kind::TargetProject, Default::Required).mutable().filtered(),
    ]],
};

#[derive(Deserialize)]
#[serde(default)]
#[derive(std::default::Default)]
struct Changes {
    target_tenant: Option<String>,
}

impl View for RbacPolicy {
    fn spec() -> &'static Spec {
        &SPEC
    }
    fn key(&self) -> &str {
        &self.id
    }
    fn find(look: &Look<'_>, id: &str) -> Option<Arc<Self>> {
        look.snapshot.get(id)
    }
    fn not_found(id: &str) -> NetError {
        NetError::RbacPolicyNotFound { id: id.to_owned() }
    }
    fn candidates(look: &Look<'_>) -> Vec<Arc<Self>> {
        match &look.reach.project {
            _ if look.reach.all => look.snapshot.all().collect(),
            Some(project) => look.snapshot.by(Self::BY_PROJECT, project).collect(),
            None => Vec::new(),
        }
    }
    fn is_seen(&self, look: &Look<'_>) -> bool {
        rbac::is_seen(look.cx, look.snapshot, look.reach, self)
    }
    fn field(&self, name: &str, _: &Look<'_>) -> Value {
        match name {
            "id" => self.id.as_str().into(),
            "project_id" => self.project.as_str().into(),
            "object_type" => self.object_type.as_str().into(),
            "object_id" => self.object_id.as_str().into(),
            "action" => self.action.as_str().into(),
            "target_tenant" => self.target.as_str().into(),
            _ => Value::Null,
        }
    }
}

pub fn routes() -> ApiRouter<Service> {
    ApiRouter::new()
        .get("/v2.0/rbac-policies", list::<RbacPolicy>)
        .post("/v2.0/rbac-policies", create)
        .get("/v2.0/rbac-policies/{id}", show::<RbacPolicy>)
        .put("/v2.0/rbac-policies/{id}", update)
        .delete("/v2.0/rbac-policies/{id}", delete)
}

async fn create(State(net): State<Service>, Cx(cx): Cx, JsonBody(body): JsonBody) -> ApiResult {
    let created = body::create::<NewRbacPolicy>(&SPEC, &cx, body)?;
    let policies = rbac::create(&net, &cx, created.asked).await?;
    Ok(made(&net, &cx, &policies, created.bulk))
}

async fn update(State(net): State<Service>, Cx(cx): Cx, Path(id): Path<String>, JsonBody(body): JsonBody) -> ApiResult {
    let (set, changes) = body::update::<Changes>(&SPEC, &cx, body)?;
    let policy = rbac::update(&net, &cx, &id, &set, changes.target_tenant).await?;
    Ok(http::ok(&one(&net, &cx, policy.as_ref(), &[])))
}

async fn delete(State(net): State<Service>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    rbac::delete(&net, &cx, &id).await?;
    Ok(http::no_content())
}
