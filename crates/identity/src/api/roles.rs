//! `/v3/roles`, what they imply, and `/v3/role_inferences`

use super::{
    at::At,
    read::{member as read, new_member as read_new},
    schemas,
    views::{self, collection, created, member},
};
use crate::{
    Identity,
    model::Role,
    ops::{
        implied_roles::{self, Inference},
        roles,
    },
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Method, Path, State, no_content, ok};
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<Identity> {
    let (role, implied) = ("/v3/roles/{role_id}", "/v3/roles/{role_id}/implies/{implied_role_id}");
    ApiRouter::new()
        .get("/v3/roles", list)
        .post("/v3/roles", create)
        .get(role, show)
        .patch(role, update)
        .delete(role, delete)
        .get("/v3/roles/{role_id}/implies", list_implied)
        .get(implied, show_implied)
        .put(implied, imply)
        .delete(implied, imply_no_more)
        .get("/v3/role_inferences", inferences)
}

async fn list(State(id): State<Identity>, Cx(cx): Cx, at: At) -> ApiResult {
    let listed = roles::list(&id, &cx, &at.query(roles::FILTERS, id.config().list_limit)?)?;
    let views: Vec<_> = listed.items.iter().map(|r| views::role(&at, r)).collect();
    Ok(collection(&at, "roles", &views, listed.items.last().filter(|_| listed.truncated).map(|r| r.id.as_str())))
}

async fn create(State(id): State<Identity>, Cx(cx): Cx, at: At, body: JsonBody) -> ApiResult {
    let role = roles::create(&id, &cx, read_new(body, &schemas::ROLE_CREATE, "role")?).await?;
    Ok(created("role", views::role(&at, &role)))
}

async fn show(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(role): Path<String>) -> ApiResult {
    let role = roles::show(&id, &cx, &role)?;
    Ok(member("role", views::role(&at, &role)))
}

async fn update(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(role): Path<String>, body: JsonBody) -> ApiResult {
    let role = roles::update(&id, &cx, &role, read(body, &schemas::ROLE_UPDATE, "role")?).await?;
    Ok(member("role", views::role(&at, &role)))
}

async fn delete(State(id): State<Identity>, Cx(cx): Cx, Path(role): Path<String>) -> ApiResult {
    roles::delete(&id, &cx, &role).await?;
    Ok(no_content())
}

fn short(at: &At, role: &Role) -> Value {
    json!({"id": role.id, "links": {"self": at.url(&format!("/roles/{}", role.id))}, "name": role.name})
}

fn inference(at: &At, inference: &Inference) -> Value {
    let implies: Vec<_> = inference.implies.iter().map(|r| short(at, r)).collect();
    json!({"prior_role": short(at, &inference.prior), "implies": implies})
}

/// One role that implies another.
fn pair(at: &At, prior: &Role, implied: &Role) -> Value {
    let own = at.url(&format!("/roles/{}/implies/{}", prior.id, implied.id));
    json!({
        "role_inference": {"prior_role": short(at, prior), "implies": short(at, implied)},
        "links": {"self": own},
    })
}

async fn list_implied(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(prior): Path<String>) -> ApiResult {
    let found = implied_roles::list(&id, &cx, &prior)?;
    let own = at.url(&format!("/roles/{prior}/implies"));
    Ok(ok(&json!({"role_inference": inference(&at, &found), "links": {"self": own}})))
}

async fn show_implied(
    State(id): State<Identity>,
    Cx(cx): Cx,
    method: Method,
    at: At,
    Path((prior, implied)): Path<(String, String)>,
) -> ApiResult {
    if method == Method::HEAD {
        implied_roles::check(&id, &cx, &prior, &implied)?;
        return Ok(no_content());
    }
    let (prior, implied) = implied_roles::show(&id, &cx, &prior, &implied)?;
    Ok(ok(&pair(&at, &prior, &implied)))
}

async fn imply(
    State(id): State<Identity>,
    Cx(cx): Cx,
    at: At,
    Path((prior, implied)): Path<(String, String)>,
) -> ApiResult {
    let (prior, implied) = implied_roles::create(&id, &cx, &prior, &implied).await?;
    Ok(http::created(&pair(&at, &prior, &implied)))
}

async fn imply_no_more(
    State(id): State<Identity>,
    Cx(cx): Cx,
    Path((prior, implied)): Path<(String, String)>,
) -> ApiResult {
    implied_roles::delete(&id, &cx, &prior, &implied).await?;
    Ok(no_content())
}

async fn inferences(State(id): State<Identity>, Cx(cx): Cx, at: At) -> ApiResult {
    let all: Vec<_> = implied_roles::all(&id, &cx)?.iter().map(|i| inference(&at, i)).collect();
    Ok(ok(&json!({"role_inferences": all})))
}
