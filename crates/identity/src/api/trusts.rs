//! `/v3/OS-TRUST/trusts`

use super::{
    at::At,
    read::member as read,
    schemas,
    views::{self, created, listed, member},
};
use crate::{Identity, ops::trusts};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State, no_content, ok};
use serde_json::json;

pub(super) fn routes() -> ApiRouter<Identity> {
    let (all, one) = ("/v3/OS-TRUST/trusts", "/v3/OS-TRUST/trusts/{trust_id}");
    ApiRouter::new()
        .get(all, list)
        .post(all, create)
        .get(one, show)
        .delete(one, delete)
        .get("/v3/OS-TRUST/trusts/{trust_id}/roles", roles)
        .get("/v3/OS-TRUST/trusts/{trust_id}/roles/{role_id}", role)
}

async fn list(State(id): State<Identity>, Cx(cx): Cx, at: At) -> ApiResult {
    let query = at.query(&[], id.config().list_limit)?;
    let of = |name: &str| at.params.get(name).filter(|value| !value.is_empty());
    let found = trusts::list(&id, &cx, of("trustor_user_id"), of("trustee_user_id"), &query)?;
    Ok(listed(&at, "trusts", &found, |t| views::listed_trust(&at, t)))
}

async fn create(State(id): State<Identity>, Cx(cx): Cx, at: At, body: JsonBody) -> ApiResult {
    let full = trusts::create(&id, &cx, read(body, &schemas::TRUST_CREATE, "trust")?).await?;
    Ok(created("trust", views::trust(&at, &full)))
}

async fn show(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(trust): Path<String>) -> ApiResult {
    let full = trusts::show(&id, &cx, &trust)?;
    Ok(member("trust", views::trust(&at, &full)))
}

async fn delete(State(id): State<Identity>, Cx(cx): Cx, Path(trust): Path<String>) -> ApiResult {
    trusts::delete(&id, &cx, &trust).await?;
    Ok(no_content())
}

async fn roles(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(trust): Path<String>) -> ApiResult {
    let full = trusts::roles(&id, &cx, &trust)?;
    let roles: Vec<_> = full.roles.iter().map(|r| views::role(&at, r)).collect();
    Ok(ok(&json!({"roles": roles, "links": views::trust_roles_links(&at, &full.trust)})))
}

async fn role(
    State(id): State<Identity>,
    Cx(cx): Cx,
    at: At,
    Path((trust, role)): Path<(String, String)>,
) -> ApiResult {
    let role = trusts::role(&id, &cx, &trust, &role)?;
    Ok(member("role", views::role(&at, &role)))
}
