//! `/v3/role_assignments`

use super::{at::At, views::collection};
use crate::{
    Identity,
    model::{Actor, Target},
    ops::role_assignments::{self, Filter, Found, NamedIn},
};
use http::{ApiResult, ApiRouter, Cx, State};
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<Identity> {
    ApiRouter::new().get("/v3/role_assignments", list)
}

async fn list(State(id): State<Identity>, Cx(cx): Cx, at: At) -> ApiResult {
    let found = role_assignments::list(&id, &cx, &filter(&at))?;
    let views: Vec<_> = found.iter().map(|f| view(&at, f)).collect();
    Ok(collection(&at, "role_assignments", &views, None))
}

fn filter(at: &At) -> Filter {
    let given = |name: &str| at.params.get(name).filter(|text| !text.is_empty());
    Filter {
        user: given("user.id").map(Into::into),
        group: given("group.id").map(Into::into),
        role: given("role.id").map(Into::into),
        project: given("scope.project.id").map(Into::into),
        domain: given("scope.domain.id").map(Into::into),
        system: given("scope.system") == Some("all"),
        inherited: at.params.get("scope.OS-INHERIT:inherited_to").map(|to| to == "projects"),
        include_subtree: at.flag("include_subtree"),
        effective: at.flag("effective"),
        include_names: at.flag("include_names"),
    }
}

/// An id, with a name and where it is if names were asked for.
fn named(id: &str, name: Option<&NamedIn>) -> Value {
    let Some(name) = name else { return json!({"id": id}) };
    let mut view = json!({"id": id, "name": name.name});
    if !name.domain.is_empty() || name.name.is_empty() {
        view["domain"] = json!({"id": name.domain, "name": name.domain_name});
    }
    view
}

fn view(at: &At, found: &Found) -> Value {
    let names = found.names.as_ref();
    let mut view = json!({
        "scope": scope(found),
        "role": named(&found.role, names.map(|n| &n.role)),
        "links": links(at, found),
    });
    let key = if matches!(found.actor, Actor::User(_)) { "user" } else { "group" };
    view[key] = named(found.actor.id(), names.map(|n| &n.actor));
    view
}

fn scope(found: &Found) -> Value {
    let name = found.names.as_ref().map(|n| &n.target);
    let mut scope = match &found.target {
        Target::Project(id) => json!({"project": named(id, name)}),
        Target::Domain(id) => json!({"domain": named(id, name)}),
        Target::System => json!({"system": {"all": true}}),
    };
    if found.inherited || found.through_target.is_some() {
        scope["OS-INHERIT:inherited_to"] = "projects".into();
    }
    scope
}

/// The grant behind it, and what made it appear here: a membership, a prior role.
fn links(at: &At, found: &Found) -> Value {
    let target = match found.through_target.as_ref().unwrap_or(&found.target) {
        Target::Project(id) => format!("/projects/{id}"),
        Target::Domain(id) => format!("/domains/{id}"),
        Target::System => "/system".to_owned(),
    };
    let actor = match (&found.through_group, &found.actor) {
        (Some(group), _) | (None, Actor::Group(group)) => format!("/groups/{group}"),
        (None, Actor::User(user)) => format!("/users/{user}"),
    };
    let role = found.through_role.as_ref().unwrap_or(&found.role);
    let grant = format!("{target}{actor}/roles/{role}");
    let mut links = json!({"assignment": at.url(&match found.inherited || found.through_target.is_some() {
        true => format!("/OS-INHERIT{grant}/inherited_to_projects"),
        false => grant,
    })});
    if let Some(group) = &found.through_group {
        links["membership"] = at.url(&format!("/groups/{group}/users/{}", found.actor.id())).into();
    }
    if let Some(prior) = &found.through_role {
        links["prior_role"] = at.url(&format!("/prior_role/{}/implies/{prior}", found.role)).into();
    }
    links
}
