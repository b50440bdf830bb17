//! `/v3/credentials`

use super::{
    at::At,
    read::{member as read, new_member as read_new},
    schemas,
    views::{self, collection, created, member},
};
use crate::{Identity, ops::credentials};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State, no_content};

pub(super) fn routes() -> ApiRouter<Identity> {
    let one = "/v3/credentials/{credential_id}";
    ApiRouter::new()
        .get("/v3/credentials", list)
        .post("/v3/credentials", create)
        .get(one, show)
        .patch(one, update)
        .delete(one, delete)
}

async fn list(State(id): State<Identity>, Cx(cx): Cx, at: At) -> ApiResult {
    let query = at.query(credentials::FILTERS, id.config().list_limit)?;
    let (all, truncated) = credentials::list(&id, &cx, &query)?;
    let views: Vec<_> = all.iter().map(|c| views::credential(&at, c)).collect();
    let last = all.last().filter(|_| truncated).map(|c| c.credential.id.as_str());
    Ok(collection(&at, "credentials", &views, last))
}

async fn create(State(id): State<Identity>, Cx(cx): Cx, at: At, body: JsonBody) -> ApiResult {
    let opened = credentials::create(&id, &cx, read_new(body, &schemas::CREDENTIAL_CREATE, "credential")?).await?;
    Ok(created("credential", views::credential(&at, &opened)))
}

async fn show(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(credential): Path<String>) -> ApiResult {
    let opened = credentials::show(&id, &cx, &credential)?;
    Ok(member("credential", views::credential(&at, &opened)))
}

async fn update(
    State(id): State<Identity>,
    Cx(cx): Cx,
    at: At,
    Path(credential): Path<String>,
    body: JsonBody,
) -> ApiResult {
    let update = read(body, &schemas::CREDENTIAL_UPDATE, "credential")?;
    let opened = credentials::update(&id, &cx, &credential, update).await?;
    Ok(member("credential", views::credential(&at, &opened)))
}

async fn delete(State(id): State<Identity>, Cx(cx): Cx, Path(credential): Path<String>) -> ApiResult {
    credentials::delete(&id, &cx, &credential).await?;
    Ok(no_content())
}
