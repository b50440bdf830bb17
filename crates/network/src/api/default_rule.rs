//! `/v2.0/default-security-group-rules`

use super::{
    body,
    kind::Kind,
    query::Query,
    resource::{Look, View, list, made, show},
    security_group_rule::{MATCH, matched},
    spec::{Attr, Default, ID, Spec},
};
use crate::{
    Network as Service,
    error::NetError,
    model::{DefaultRule, Resource},
    ops::default_rule::{self, NewDefaultRule},
    policy::security_group as rules,
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State};
use policy::Authorize;
use serde_json::Value;
use std::sync::Arc;

static SPEC: Spec = Spec {
    resource: "default_security_group_rule",
    collection: "default_security_group_rules",
    path: "/v2.0/default-security-group-rules",
    attrs: &[
        &[
            ID,
            Attr::new("description", Kind::TextOrNull(255), Default::Text("")).filtered(),
            Attr::new("used_in_default_sg", Kind::Bool, Default::Bool(false)).filtered(),
            Attr::new("used_in_non_default_sg", Kind::Bool, Default::Bool(true)).filtered(),
        ],
        MATCH,
    ],
};

impl View for DefaultRule {
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
        <Self as Resource>::not_found(id)
    }
    fn candidates(look: &Look<'_>) -> Vec<Arc<Self>> {
        look.snapshot.all().collect()
    }
    fn narrowed(_: &Look<'_>, _: &Query) -> Option<Vec<Arc<Self>>> {
        None
    }
    fn is_seen(&self, look: &Look<'_>) -> bool {
        look.cx.allows(&rules::DEFAULT_RULE_GET, &())
    }
    fn field(&self, name: &str, _: &Look<'_>) -> Value {
        match name {
            "id" => self.id.as_str().into(),
            "description" => self.standard.description.as_str().into(),
            "used_in_default_sg" => self.in_default.into(),
            "used_in_non_default_sg" => self.in_others.into(),
            other => matched(&self.matches, other),
        }
    }
}

pub fn routes() -> ApiRouter<Service> {
    ApiRouter::new()
        .get("/v2.0/default-security-group-rules", list::<DefaultRule>)
        .post("/v2.0/default-security-group-rules", create)
        .get("/v2.0/default-security-group-rules/{id}", show::<DefaultRule>)
        .delete("/v2.0/default-security-group-rules/{id}", delete)
}

async fn create(State(net): State<Service>, Cx(cx): Cx, JsonBody(body): JsonBody) -> ApiResult {
    let created = body::create::<NewDefaultRule>(&SPEC, &cx, body)?;
    let rules = default_rule::create(&net, &cx, created.asked).await?;
    Ok(made(&net, &cx, &rules, created.bulk))
}

async fn delete(State(net): State<Service>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    default_rule::delete(&net, &cx, &id).await?;
    Ok(http::no_content())
}
