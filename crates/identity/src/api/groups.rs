//! `/v3/groups`

use super::{
    at::At,
    crud::{handlers, post},
    schemas, users, views,
};
use crate::{
    Identity,
    ops::{groups, members},
};
use http::{ApiResult, ApiRouter, Cx, Path, State, no_content};

pub(super) fn routes() -> ApiRouter<Identity> {
    let (group, user) = ("/v3/groups/{group_id}", "/v3/groups/{group_id}/users/{user_id}");
    ApiRouter::new()
        .get("/v3/groups", list)
        .post("/v3/groups", create)
        .get(group, show)
        .patch(group, update)
        .delete(group, delete)
        .get("/v3/groups/{group_id}/users", list_users)
        .get(user, check_user)
        .put(user, add_user)
        .delete(user, remove_user)
}

handlers!(groups, "group" in "groups", views::group, |body| &schemas::GROUP_UPDATE);
post!(groups, "group", views::group, &schemas::GROUP_CREATE);

async fn list_users(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(group): Path<String>) -> ApiResult {
    let query = at.query(&["domain_id", "enabled", "name"], id.config().list_limit)?;
    let listed = members::list(&id, &cx, &group, &query, at.params.get("password_expires_at"))?;
    Ok(users::page(&at, &listed))
}

async fn check_user(State(id): State<Identity>, Cx(cx): Cx, Path((group, user)): Path<(String, String)>) -> ApiResult {
    members::check(&id, &cx, &group, &user)?;
    Ok(no_content())
}

async fn add_user(State(id): State<Identity>, Cx(cx): Cx, Path((group, user)): Path<(String, String)>) -> ApiResult {
    members::add(&id, &cx, &group, &user).await?;
    Ok(no_content())
}

async fn remove_user(State(id): State<Identity>, Cx(cx): Cx, Path((group, user)): Path<(String, String)>) -> ApiResult {
    members::remove(&id, &cx, &group, &user).await?;
    Ok(no_content())
}
