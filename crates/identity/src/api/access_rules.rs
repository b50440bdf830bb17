//! `/v3/users/{id}/access_rules`

use super::{
    at::At,
    views::{self, collection, member},
};
use crate::{Identity, ops::access_rules};
use http::{ApiResult, ApiRouter, Cx, Path, State, no_content};

pub(super) fn routes() -> ApiRouter<Identity> {
    let one = "/v3/users/{user_id}/access_rules/{access_rule_id}";
    ApiRouter::new().get("/v3/users/{user_id}/access_rules", list).get(one, show).delete(one, delete)
}

async fn list(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(user): Path<String>) -> ApiResult {
    let query = at.query(access_rules::FILTERS, id.config().list_limit)?;
    let listed = access_rules::list(&id, &cx, &user, &query)?;
    let views: Vec<_> = listed.items.iter().map(|r| views::access_rule(&at, r)).collect();
    let last = listed.items.last().filter(|_| listed.truncated).map(|r| r.id.as_str());
    Ok(collection(&at, "access_rules", &views, last))
}

async fn show(State(id): State<Identity>, Cx(cx): Cx, at: At, Path((user, rule)): Path<(String, String)>) -> ApiResult {
    let rule = access_rules::show(&id, &cx, &user, &rule)?;
    Ok(member("access_rule", views::access_rule(&at, &rule)))
}

async fn delete(State(id): State<Identity>, Cx(cx): Cx, Path((user, rule)): Path<(String, String)>) -> ApiResult {
    access_rules::delete(&id, &cx, &user, &rule).await?;
    Ok(no_content())
}
