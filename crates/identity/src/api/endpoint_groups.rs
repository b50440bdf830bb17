//! `/v3/OS-EP-FILTER`: groups of endpoints, and what was given to projects.

use super::{
    at::At,
    crud::{handlers, post},
    schemas,
    views::{self, all},
};
use crate::{
    Identity,
    ops::{endpoint_groups as groups, project_endpoints},
};
use http::{ApiResult, ApiRouter, Cx, Path, State, no_content, ok};
use serde_json::json;

type Two = Path<(String, String)>;

pub(super) fn routes() -> ApiRouter<Identity> {
    let (every, one) = ("/v3/OS-EP-FILTER/endpoint_groups", "/v3/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}");
    let given = "/v3/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/projects/{project_id}";
    let endpoint = "/v3/OS-EP-FILTER/projects/{project_id}/endpoints/{endpoint_id}";
    ApiRouter::new()
        .get(every, list)
        .post(every, create)
        .get(one, show)
        .patch(one, update)
        .delete(one, delete)
        .get("/v3/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/projects", projects)
        .get("/v3/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/endpoints", endpoints)
        .get("/v3/OS-EP-FILTER/projects/{project_id}/endpoint_groups", of_project)
        .get(given, check)
        .put(given, add)
        .delete(given, remove)
        .get("/v3/OS-EP-FILTER/projects/{project_id}/endpoints", endpoints_of_project)
        .get("/v3/OS-EP-FILTER/endpoints/{endpoint_id}/projects", projects_of_endpoint)
        .get(endpoint, check_endpoint)
        .put(endpoint, add_endpoint)
        .delete(endpoint, remove_endpoint)
}

handlers!(groups, "endpoint_group" in "endpoint_groups", views::endpoint_group, |body| &schemas::ENDPOINT_GROUP_UPDATE);
post!(groups, "endpoint_group", views::endpoint_group, &schemas::ENDPOINT_GROUP_CREATE);

async fn projects(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(group): Path<String>) -> ApiResult {
    let found = groups::projects(&id, &cx, &group)?;
    Ok(all(&at, "projects", &found, |p| views::project(&at, p)))
}

async fn endpoints(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(group): Path<String>) -> ApiResult {
    let found = groups::endpoints(&id, &cx, &group)?;
    Ok(all(&at, "endpoints", &found, |e| views::endpoint(&at, e)))
}

async fn of_project(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(project): Path<String>) -> ApiResult {
    let found = groups::of_project(&id, &cx, &project)?;
    Ok(all(&at, "endpoint_groups", &found, |g| views::endpoint_group(&at, g)))
}

async fn check(State(id): State<Identity>, Cx(cx): Cx, at: At, Path((group, project)): Two) -> ApiResult {
    groups::check(&id, &cx, &group, &project)?;
    let own = at.url(&format!("/OS-EP-FILTER/endpoint_groups/{group}/projects/{project}"));
    let view = json!({"endpoint_group_id": group, "project_id": project, "links": {"self": own}});
    Ok(ok(&json!({"project_endpoint_group": view})))
}

async fn add(State(id): State<Identity>, Cx(cx): Cx, Path((group, project)): Two) -> ApiResult {
    groups::add(&id, &cx, &group, &project).await?;
    Ok(no_content())
}

async fn remove(State(id): State<Identity>, Cx(cx): Cx, Path((group, project)): Two) -> ApiResult {
    groups::remove(&id, &cx, &group, &project).await?;
    Ok(no_content())
}

async fn endpoints_of_project(
    State(id): State<Identity>,
    Cx(cx): Cx,
    at: At,
    Path(project): Path<String>,
) -> ApiResult {
    let found = project_endpoints::of_project(&id, &cx, &project)?;
    Ok(all(&at, "endpoints", &found, |e| views::endpoint(&at, e)))
}

async fn projects_of_endpoint(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(one): Path<String>) -> ApiResult {
    let found = project_endpoints::projects(&id, &cx, &one)?;
    Ok(all(&at, "projects", &found, |p| views::project(&at, p)))
}

async fn check_endpoint(State(id): State<Identity>, Cx(cx): Cx, Path((project, endpoint)): Two) -> ApiResult {
    project_endpoints::check(&id, &cx, &project, &endpoint)?;
    Ok(no_content())
}

async fn add_endpoint(State(id): State<Identity>, Cx(cx): Cx, Path((project, endpoint)): Two) -> ApiResult {
    project_endpoints::add(&id, &cx, &project, &endpoint).await?;
    Ok(no_content())
}

async fn remove_endpoint(State(id): State<Identity>, Cx(cx): Cx, Path((project, endpoint)): Two) -> ApiResult {
    project_endpoints::remove(&id, &cx, &project, &endpoint).await?;
    Ok(no_content())
}
