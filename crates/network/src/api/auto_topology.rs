//! `/v2.0/auto-allocated-topology/{project_id}`

use crate::{Network as Service, error::NetError, ops::auto_topology};
use http::{ApiResult, ApiRouter, Cx, Params, Path, State};
use kernel::{Ctx, ProjectId, Result};
use serde_json::{Value, json};

pub fn routes() -> ApiRouter<Service> {
    ApiRouter::new()
        .get("/v2.0/auto-allocated-topology/{project_id}", get)
        .delete("/v2.0/auto-allocated-topology/{project_id}", delete)
}

/// Clients that mean their own project say `None`.
fn project(cx: &Ctx, named: &str) -> Result<ProjectId> {
    if named != "None" {
        return Ok(ProjectId::from(named));
    }
    let own = cx.credentials.project().cloned();
    own.ok_or_else(|| NetError::request("a topology needs a project: use a project-scoped token or name one").into())
}

fn shown(id: &str, project: &str) -> Value {
    json!({"auto_allocated_topology": {"id": id, "project_id": project, "tenant_id": project}})
}

/// With `?fields=dry-run`, only whether it could be made.
async fn get(State(net): State<Service>, Cx(cx): Cx, Path(named): Path<String>, params: Params) -> ApiResult {
    let project = project(&cx, &named)?;
    if params.all("fields").any(|f| f == "dry-run") {
        auto_topology::check(&net, &cx, &project).await?;
        return Ok(http::ok(&shown("dry-run=pass", &project)));
    }
    Ok(http::ok(&shown(&auto_topology::get(&net, &cx, &project).await?, &project)))
}

async fn delete(State(net): State<Service>, Cx(cx): Cx, Path(named): Path<String>) -> ApiResult {
    auto_topology::delete(&net, &cx, &project(&cx, &named)?).await?;
    Ok(http::no_content())
}
