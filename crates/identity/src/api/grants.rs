//! Grants: `/v3/{projects|domains}/{}/{users|groups}/{}/roles[/{}]`, the same inherited under `/v3/OS-INHERIT`, and
//! `/v3/system/{users|groups}/{}/roles[/{}]`.

use super::{
    at::At,
    views::{self, collection},
};
use crate::{
    Identity,
    model::{Actor, Target},
    ops::grants::{self, Grant},
};
use http::{ApiResult, ApiRouter, Cx, Path, State, no_content};
use kernel::Ctx;

type Ids = Path<(String, String)>;
type IdsAndRole = Path<(String, String, String)>;

/// The four operations on grants of one sort.
macro_rules! grants {
    ($router:expr, $list:literal, $one:literal, $grant:expr) => {
        $router
            .get($list, |State(id): State<Identity>, Cx(cx): Cx, at: At, Path((target, actor)): Ids| async move {
                list(&id, &cx, &at, &$grant(&target, &actor))
            })
            .get($one, |State(id): State<Identity>, Cx(cx): Cx, Path((target, actor, role)): IdsAndRole| async move {
                check(&id, &cx, &$grant(&target, &actor), &role)
            })
            .put($one, |State(id): State<Identity>, Cx(cx): Cx, Path((target, actor, role)): IdsAndRole| async move {
                create(&id, &cx, &$grant(&target, &actor), &role).await
            })
            .delete(
                $one,
                |State(id): State<Identity>, Cx(cx): Cx, Path((target, actor, role)): IdsAndRole| async move {
                    delete(&id, &cx, &$grant(&target, &actor), &role).await
                },
            )
    };
}

/// The same for the system, which has no id.
macro_rules! system_grants {
    ($router:expr, $list:literal, $one:literal, $actor:expr) => {
        $router
            .get($list, |State(id): State<Identity>, Cx(cx): Cx, at: At, Path(actor): Path<String>| async move {
                list(&id, &cx, &at, &on_system($actor(&actor)))
            })
            .get($one, |State(id): State<Identity>, Cx(cx): Cx, Path((actor, role)): Ids| async move {
                check(&id, &cx, &on_system($actor(&actor)), &role)
            })
            .put($one, |State(id): State<Identity>, Cx(cx): Cx, Path((actor, role)): Ids| async move {
                create(&id, &cx, &on_system($actor(&actor)), &role).await
            })
            .delete($one, |State(id): State<Identity>, Cx(cx): Cx, Path((actor, role)): Ids| async move {
                delete(&id, &cx, &on_system($actor(&actor)), &role).await
            })
    };
}

#[rustfmt::skip]
pub(super) fn routes() -> ApiRouter<Identity> {
    let r = ApiRouter::new();
    let r = grants!(r, "/v3/projects/{project_id}/users/{user_id}/roles",
        "/v3/projects/{project_id}/users/{user_id}/roles/{role_id}",
        |t: &str, a: &str| grant(on_project(t), user(a), false));
    let r = grants!(r, "/v3/projects/{project_id}/groups/{group_id}/roles",
        "/v3/projects/{project_id}/groups/{group_id}/roles/{role_id}",
        |t: &str, a: &str| grant(on_project(t), group(a), false));
    let r = grants!(r, "/v3/domains/{domain_id}/users/{user_id}/roles",
        "/v3/domains/{domain_id}/users/{user_id}/roles/{role_id}",
        |t: &str, a: &str| grant(on_domain(t), user(a), false));
    let r = grants!(r, "/v3/domains/{domain_id}/groups/{group_id}/roles",
        "/v3/domains/{domain_id}/groups/{group_id}/roles/{role_id}",
        |t: &str, a: &str| grant(on_domain(t), group(a), false));
    let r = grants!(r, "/v3/OS-INHERIT/projects/{project_id}/users/{user_id}/roles/inherited_to_projects",
        "/v3/OS-INHERIT/projects/{project_id}/users/{user_id}/roles/{role_id}/inherited_to_projects",
        |t: &str, a: &str| grant(on_project(t), user(a), true));
    let r = grants!(r, "/v3/OS-INHERIT/projects/{project_id}/groups/{group_id}/roles/inherited_to_projects",
        "/v3/OS-INHERIT/projects/{project_id}/groups/{group_id}/roles/{role_id}/inherited_to_projects",
        |t: &str, a: &str| grant(on_project(t), group(a), true));
    let r = grants!(r, "/v3/OS-INHERIT/domains/{domain_id}/users/{user_id}/roles/inherited_to_projects",
        "/v3/OS-INHERIT/domains/{domain_id}/users/{user_id}/roles/{role_id}/inherited_to_projects",
        |t: &str, a: &str| grant(on_domain(t), user(a), true));
    let r = grants!(r, "/v3/OS-INHERIT/domains/{domain_id}/groups/{group_id}/roles/inherited_to_projects",
        "/v3/OS-INHERIT/domains/{domain_id}/groups/{group_id}/roles/{role_id}/inherited_to_projects",
        |t: &str, a: &str| grant(on_domain(t), group(a), true));
    let r = system_grants!(r, "/v3/system/users/{user_id}/roles", "/v3/system/users/{user_id}/roles/{role_id}", user);
    system_grants!(r, "/v3/system/groups/{group_id}/roles", "/v3/system/groups/{group_id}/roles/{role_id}", group)
}

fn user(id: &str) -> Actor {
    Actor::User(id.into())
}
fn group(id: &str) -> Actor {
    Actor::Group(id.into())
}
fn on_project(id: &str) -> Target {
    Target::Project(id.into())
}
fn on_domain(id: &str) -> Target {
    Target::Domain(id.into())
}
fn on_system(actor: Actor) -> Grant {
    grant(Target::System, actor, false)
}
fn grant(target: Target, actor: Actor, inherited: bool) -> Grant {
    Grant { actor, target, inherited }
}

fn list(id: &Identity, cx: &Ctx, at: &At, grant: &Grant) -> ApiResult {
    let roles = grants::list(id, cx, grant)?;
    let views: Vec<_> = roles.iter().map(|r| views::role(at, r)).collect();
    Ok(collection(at, "roles", &views, None))
}

fn check(id: &Identity, cx: &Ctx, grant: &Grant, role: &str) -> ApiResult {
    grants::check(id, cx, grant, role)?;
    Ok(no_content())
}

async fn create(id: &Identity, cx: &Ctx, grant: &Grant, role: &str) -> ApiResult {
    grants::create(id, cx, grant, role).await?;
    Ok(no_content())
}

async fn delete(id: &Identity, cx: &Ctx, grant: &Grant, role: &str) -> ApiResult {
    grants::delete(id, cx, grant, role).await?;
    Ok(no_content())
}
