//! `/v3/domains`

use super::{
    at::At,
    read::{member as read, new_member as read_new},
    schemas,
    views::{self, collection, created, member},
};
use crate::{Identity, ops::domains};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State, no_content};

pub(super) fn routes() -> ApiRouter<Identity> {
    let domain = "/v3/domains/{domain_id}";
    ApiRouter::new()
        .get("/v3/domains", list)
        .post("/v3/domains", create)
        .get(domain, show)
        .patch(domain, update)
        .delete(domain, delete)
}

async fn list(State(id): State<Identity>, Cx(cx): Cx, at: At) -> ApiResult {
    let listed = domains::list(&id, &cx, &at.query(domains::FILTERS, id.config().list_limit)?)?;
    let views: Vec<_> = listed.items.iter().map(|d| views::domain(&at, d)).collect();
    Ok(collection(&at, "domains", &views, listed.items.last().filter(|_| listed.truncated).map(|d| d.id.as_str())))
}

async fn create(State(id): State<Identity>, Cx(cx): Cx, at: At, body: JsonBody) -> ApiResult {
    let domain = domains::create(&id, &cx, read_new(body, &schemas::DOMAIN_CREATE, "domain")?).await?;
    Ok(created("domain", views::domain(&at, &domain)))
}

async fn show(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(domain): Path<String>) -> ApiResult {
    let domain = domains::show(&id, &cx, &domain)?;
    Ok(member("domain", views::domain(&at, &domain)))
}

async fn update(
    State(id): State<Identity>,
    Cx(cx): Cx,
    at: At,
    Path(domain): Path<String>,
    body: JsonBody,
) -> ApiResult {
    let domain = domains::update(&id, &cx, &domain, read(body, &schemas::DOMAIN_UPDATE, "domain")?).await?;
    Ok(member("domain", views::domain(&at, &domain)))
}

async fn delete(State(id): State<Identity>, Cx(cx): Cx, Path(domain): Path<String>) -> ApiResult {
    domains::delete(&id, &cx, &domain).await?;
    Ok(no_content())
}
