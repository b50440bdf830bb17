//! `/v3/policies`, and below it `OS-ENDPOINT-POLICY`

use super::{
    at::At,
    crud::{handlers, post},
    schemas,
    views::{self, all, member},
};
use crate::{
    Identity,
    model::policy_doc::PolicyFor,
    ops::{policies, policy_associations as associations},
};
use http::{ApiResult, ApiRouter, Cx, Path, State, no_content};

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

handlers!(policies, "policy" in "policies", views::policy, |body| &schemas::POLICY_UPDATE);
post!(policies, "policy", views::policy, &schemas::POLICY_CREATE);

async fn endpoints(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(policy): Path<String>) -> ApiResult {
    let found = associations::endpoints(&id, &cx, &policy)?;
    Ok(all(&at, "endpoints", &found, |e| views::endpoint(&at, e)))
}

async fn for_endpoint(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(endpoint): Path<String>) -> ApiResult {
    let policy = associations::for_endpoint(&id, &cx, &endpoint)?;
    Ok(member("policy", views::policy(&at, &policy)))
}
