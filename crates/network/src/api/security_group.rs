//! `/v2.0/security-groups`

use super::{
    crud::{create, delete, update, verbs},
    kind::Kind,
    listing::{self, render},
    resource::{Fields, Look, show},
    spec::{Attr, Default, ID, STANDARD, Spec, TAGS},
    tags,
};
use crate::{
    Network as Service,
    model::{SecurityGroup, SecurityGroupRule, rbac, rbac::Action},
    ops::{
        access::Reach,
        security_group::{self, create::NewSecurityGroup, update::SecurityGroupChanges},
    },
};
use http::{ApiResult, ApiRouter, BaseUrl, Cx, Params, State};
use kernel::ProjectId;
use serde_json::Value;

static SPEC: Spec = Spec {
    resource: "security_group",
    collection: "security_groups",
    path: "/v2.0/security-groups",
    attrs: &[
        &[
            ID,
            Attr::new("name", Kind::GroupName(255), Default::Text("")).mutable().sorted(),
            Attr::new("stateful", Kind::Bool, Default::Unset).mutable().filtered(),
            Attr::shown("shared").of(Kind::Bool).filtered(),
            Attr::shown("security_group_rules"),
        ],
        STANDARD,
        TAGS,
    ],
};

impl Fields for SecurityGroup {
    fn spec() -> &'static Spec {
        &SPEC
    }

    fn own(&self, name: &str, look: &Look<'_>) -> Value {
        match name {
            "name" => self.name.as_str().into(),
            "stateful" => self.stateful.into(),
            "shared" => rbac::grants(look.snapshot, &self.id, Action::Shared, look.reach.project.as_deref()).into(),
            "security_group_rules" => {
                let rules = look.snapshot.by(SecurityGroupRule::BY_GROUP, &self.id);
                rules.map(|rule| render(rule.as_ref(), look, &[])).collect()
            }
            _ => Value::Null,
        }
    }
}

verbs!(SecurityGroup, NewSecurityGroup, SecurityGroupChanges, security_group);

pub fn routes() -> ApiRouter<Service> {
    ApiRouter::new()
        .get("/v2.0/security-groups", list)
        .post("/v2.0/security-groups", create::<SecurityGroup>)
        .get("/v2.0/security-groups/{id}", show::<SecurityGroup>)
        .put("/v2.0/security-groups/{id}", update::<SecurityGroup>)
        .delete("/v2.0/security-groups/{id}", delete::<SecurityGroup>)
        .merge(tags::routes::<SecurityGroup>(
            "/v2.0/security-groups/{id}/tags",
            "/v2.0/security-groups/{id}/tags/{tag}",
        ))
}

/// Asking for groups is a use of the service: the project's default group is among them.
async fn list(State(net): State<Service>, Cx(cx): Cx, params: Params, base: BaseUrl) -> ApiResult {
    let reach = Reach::of(&cx);
    let named = params.get("project_id").or(params.get("tenant_id")).map(ProjectId::from);
    let project = named.filter(|p| reach.all || reach.is(p)).or_else(|| reach.project.clone());
    security_group::create::ensure(&net, &project.unwrap_or_default()).await?;
    let snapshot = net.store().snapshot();
    let look = Look::new(&net, &cx, &snapshot, &reach);
    Ok(http::ok(&listing::list::<SecurityGroup>(&look, &params, &base)?))
}
