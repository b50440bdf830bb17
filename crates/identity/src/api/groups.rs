//! `/v3/groups`

use super::{
    at::At,
    read::{member as read, new_member as read_new},
    schemas, users,
    views::{self, collection, created, member},
};
use crate::{
    Identity,
    ops::{groups, members},
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State, no_content};

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

async fn list(State(id): State<Identity>, Cx(cx): Cx, at: At) -> ApiResult {
    let listed = groups::list(&id, &cx, &at.query(groups::FILTERS, id.config().list_limit)?)?;
    let views: Vec<_> = listed.items.iter().map(|g| views::group(&at, g)).collect();
    Ok(collection(&at, "groups", &views, listed.items.last().filter(|_| listed.truncated).map(|g| g.id.as_str())))
}

async fn create(State(id): State<Identity>, Cx(cx): Cx, at: At, body: JsonBody) -> ApiResult {
    let group = groups::create(&id, &cx, read_new(body, &schemas::GROUP_CREATE, "group")?).await?;
    Ok(created("group", views::group(&at, &group)))
}

async fn show(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(group): Path<String>) -> ApiResult {
    let group = groups::show(&id, &cx, &group)?;
    Ok(member("group", views::group(&at, &group)))
}

async fn update(
    State(id): State<Identity>,
    Cx(cx): Cx,
    at: At,
    Path(group): Path<String>,
    body: JsonBody,
) -> ApiResult {
    let group = groups::update(&id, &cx, &group, read(body, &schemas::GROUP_UPDATE, "group")?).await?;
    Ok(member("group", views::group(&at, &group)))
}

async fn delete(State(id): State<Identity>, Cx(cx): Cx, Path(group): Path<String>) -> ApiResult {
    groups::delete(&id, &cx, &group).await?;
    Ok(no_content())
}

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
