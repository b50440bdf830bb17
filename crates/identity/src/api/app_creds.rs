//! `/v3/users/{id}/application_credentials`

use super::{
    at::At,
    read::new_member as read_new,
    schemas,
    views::{self, collection, created, member},
};
use crate::{Identity, ops::app_creds};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State, no_content};

pub(super) fn routes() -> ApiRouter<Identity> {
    let all = "/v3/users/{user_id}/application_credentials";
    let one = "/v3/users/{user_id}/application_credentials/{application_credential_id}";
    ApiRouter::new().get(all, list).post(all, create).get(one, show).delete(one, delete)
}

async fn list(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(user): Path<String>) -> ApiResult {
    let query = at.query(app_creds::FILTERS, id.config().list_limit)?;
    let (all, truncated) = app_creds::list(&id, &cx, &user, &query)?;
    let views: Vec<_> = all.iter().map(|full| views::app_cred(&at, full)).collect();
    let last = all.last().filter(|_| truncated).map(|full| full.app_cred.id.as_str());
    Ok(collection(&at, "application_credentials", &views, last))
}

async fn create(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(user): Path<String>, body: JsonBody) -> ApiResult {
    let new = read_new(body, &schemas::APP_CRED_CREATE, "application_credential")?;
    let made = app_creds::create(&id, &cx, &user, new).await?;
    let mut view = views::app_cred(&at, &made.full);
    view.secret = Some(&made.secret);
    Ok(created("application_credential", view))
}

async fn show(State(id): State<Identity>, Cx(cx): Cx, at: At, Path((user, one)): Path<(String, String)>) -> ApiResult {
    let full = app_creds::show(&id, &cx, &user, &one)?;
    Ok(member("application_credential", views::app_cred(&at, &full)))
}

async fn delete(State(id): State<Identity>, Cx(cx): Cx, Path((user, one)): Path<(String, String)>) -> ApiResult {
    app_creds::delete(&id, &cx, &user, &one).await?;
    Ok(no_content())
}
