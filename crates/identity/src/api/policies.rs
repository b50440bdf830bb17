//! `/v3/policies`, and below it `OS-ENDPOINT-POLICY`

use super::{
    at::At,
    read::{member as read, new_member as read_new},
    schemas,
    views::{self, all, created, listed, member},
};
use crate::{
    Identity,
    model::policy_doc::PolicyFor,
    ops::{policies, policy_associations as associations},
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State, no_content};

/// The three operations on associations of one sort.
macro_rules! associations {
    ($router:expr, $path:literal, $ids:ty, $pattern:pat => $policy:expr, $of:expr) => {
        $router
            .get($path, |State(id): State<Identity>, Cx(cx): Cx, Path($pattern): Path<$ids>| async move {
                associations::check(&id, &cx, &$policy, &$of)?;
                ApiResult::Ok(no_content())
            })
            .put($path, |State(id): State<Identity>, Cx(cx): Cx, Path($pattern): Path<$ids>| async move {
                associations::create(&id, &cx, &$policy, $of).await?;
                ApiResult::Ok(no_content())
            })
            .delete($path, |State(id): State<Identity>, Cx(cx): Cx, Path($pattern): Path<$ids>| async move {
                associations::delete(&id, &cx, &$policy, $of).await?;
                ApiResult::Ok(no_content())
            })
    };
}

pub(super) fn routes() -> ApiRouter<Identity> {
    let one = "/v3/policies/{policy_id}";
    let r = ApiRouter::new()
        .get("/v3/policies", list)
        .post("/v3/policies", create)
        .get(one, show)
        .patch(one, update)
        .delete(one, delete)
        .get("/v3/policies/{policy_id}/OS-ENDPOINT-POLICY/endpoints", endpoints)
        .get("/v3/endpoints/{endpoint_id}/OS-ENDPOINT-POLICY/policy", for_endpoint);
    let r = associations!(r, "/v3/policies/{policy_id}/OS-ENDPOINT-POLICY/endpoints/{endpoint_id}",
        (String, String), (policy, endpoint) => policy, PolicyFor::Endpoint(endpoint.into()));
    let r = associations!(r, "/v3/policies/{policy_id}/OS-ENDPOINT-POLICY/services/{service_id}",
        (String, String), (policy, service) => policy, PolicyFor::Service(service.into()));
    associations!(r, "/v3/policies/{policy_id}/OS-ENDPOINT-POLICY/services/{service_id}/regions/{region_id}",
        (String, String, String), (policy, service, region) => policy,
        PolicyFor::ServiceIn { service: service.into(), region: region.into() })
}

async fn list(State(id): State<Identity>, Cx(cx): Cx, at: At) -> ApiResult {
    let found = policies::list(&id, &cx, &at.query(policies::FILTERS, id.config().list_limit)?)?;
    Ok(listed(&at, "policies", &found, |p| views::policy(&at, p)))
}

async fn create(State(id): State<Identity>, Cx(cx): Cx, at: At, body: JsonBody) -> ApiResult {
    let policy = policies::create(&id, &cx, read_new(body, &schemas::POLICY_CREATE, "policy")?).await?;
    Ok(created("policy", views::policy(&at, &policy)))
}

async fn show(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(policy): Path<String>) -> ApiResult {
    let policy = policies::show(&id, &cx, &policy)?;
    Ok(member("policy", views::policy(&at, &policy)))
}

async fn update(
    State(id): State<Identity>,
    Cx(cx): Cx,
    at: At,
    Path(policy): Path<String>,
    body: JsonBody,
) -> ApiResult {
    let policy = policies::update(&id, &cx, &policy, read(body, &schemas::POLICY_UPDATE, "policy")?).await?;
    Ok(member("policy", views::policy(&at, &policy)))
}

async fn delete(State(id): State<Identity>, Cx(cx): Cx, Path(policy): Path<String>) -> ApiResult {
    policies::delete(&id, &cx, &policy).await?;
    Ok(no_content())
}

async fn endpoints(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(policy): Path<String>) -> ApiResult {
    let found = associations::endpoints(&id, &cx, &policy)?;
    Ok(all(&at, "endpoints", &found, |e| views::endpoint(&at, e)))
}

async fn for_endpoint(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(endpoint): Path<String>) -> ApiResult {
    let policy = associations::for_endpoint(&id, &cx, &endpoint)?;
    Ok(member("policy", views::policy(&at, &policy)))
}
