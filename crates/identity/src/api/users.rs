//! `/v3/users`

use super::{
    at::At,
    read::{member as read, new_member as read_new},
    schemas,
    views::{self, collection, created, member},
};
use crate::{
    Identity,
    model::{Group, Project, User},
    ops::{
        audit::Note,
        groups, members,
        passwords::{self, PasswordChange},
        projects,
        query::Listed,
        tokens, users,
    },
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, RequestInfo, Response, State, no_content};

pub(super) fn routes() -> ApiRouter<Identity> {
    let user = "/v3/users/{user_id}";
    ApiRouter::new()
        .get("/v3/users", list)
        .post("/v3/users", create)
        .get(user, show)
        .patch(user, update)
        .delete(user, delete)
        .post("/v3/users/{user_id}/password", change_password)
        .get("/v3/users/{user_id}/groups", list_groups)
        .get("/v3/users/{user_id}/projects", list_projects)
        .delete("/v3/users/{user_id}/tokens", revoke_tokens)
}

pub(super) fn page(at: &At, listed: &Listed<User>) -> Response {
    let views: Vec<_> = listed.items.iter().map(|u| views::user(at, u)).collect();
    let last = listed.items.last().filter(|_| listed.truncated).map(|u| u.id.as_str());
    collection(at, "users", &views, last)
}

async fn list(State(id): State<Identity>, Cx(cx): Cx, at: At) -> ApiResult {
    let query = at.query(users::FILTERS, id.config().list_limit)?;
    let listed = users::list(&id, &cx, &query, at.params.get("password_expires_at"))?;
    Ok(page(&at, &listed))
}

async fn create(State(id): State<Identity>, Cx(cx): Cx, at: At, body: JsonBody) -> ApiResult {
    let user = users::create(&id, &cx, read_new(body, &schemas::USER_CREATE, "user")?).await?;
    Ok(created("user", views::user(&at, &user)))
}

async fn show(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(user): Path<String>) -> ApiResult {
    let user = users::show(&id, &cx, &user)?;
    Ok(member("user", views::user(&at, &user)))
}

async fn update(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(user): Path<String>, body: JsonBody) -> ApiResult {
    let user = users::update(&id, &cx, &user, read(body, &schemas::USER_UPDATE, "user")?).await?;
    Ok(member("user", views::user(&at, &user)))
}

async fn delete(State(id): State<Identity>, Cx(cx): Cx, Path(user): Path<String>) -> ApiResult {
    users::delete(&id, &cx, &user).await?;
    Ok(no_content())
}

async fn change_password(
    State(id): State<Identity>,
    info: RequestInfo,
    Path(user): Path<String>,
    body: JsonBody,
) -> ApiResult {
    let change: PasswordChange = read(body, &schemas::PASSWORD_CHANGE, "user")?;
    passwords::change(&id, &user, change, Note::anonymous(id.now(), info.request_id)).await?;
    Ok(no_content())
}

async fn list_groups(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(user): Path<String>) -> ApiResult {
    let query = at.query(&groups::FILTERS[1..], id.config().list_limit)?;
    let listed: Listed<Group> = members::groups_of(&id, &cx, &user, &query)?;
    let views: Vec<_> = listed.items.iter().map(|g| views::group_of_user(&at, g)).collect();
    Ok(collection(&at, "groups", &views, listed.items.last().filter(|_| listed.truncated).map(|g| g.id.as_str())))
}

async fn list_projects(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(user): Path<String>) -> ApiResult {
    let query = at.query(&["domain_id", "enabled", "name"], id.config().list_limit)?;
    let listed: Listed<Project> = projects::of_user(&id, &cx, &user, &query)?;
    Ok(super::projects::page(&at, &listed))
}

async fn revoke_tokens(State(id): State<Identity>, Cx(cx): Cx, Path(user): Path<String>) -> ApiResult {
    tokens::revoke_user(&id, &cx, &user).await?;
    Ok(no_content())
}
