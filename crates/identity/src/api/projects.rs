//! `/v3/projects` and their tags

use super::{
    at::At,
    read::{member as read, new_member as read_new},
    schemas,
    views::{self, ProjectView, collection, created, member},
};
use crate::{
    Identity,
    model::Project,
    ops::{
        projects::{self, Family, Kin, Relatives, Tags},
        query::Listed,
        tags,
    },
};
use http::{
    ApiResult, ApiRouter, Cx, HeaderValue, IntoResponse, JsonBody, Path, Response, State, StatusCode, header::LOCATION,
    no_content, ok,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub(super) fn routes() -> ApiRouter<Identity> {
    let (project, all_tags) = ("/v3/projects/{project_id}", "/v3/projects/{project_id}/tags");
    let tag = "/v3/projects/{project_id}/tags/{value}";
    ApiRouter::new()
        .get("/v3/projects", list)
        .post("/v3/projects", create)
        .get(project, show)
        .patch(project, update)
        .delete(project, delete)
        .get(all_tags, list_tags)
        .put(all_tags, replace_tags)
        .delete(all_tags, delete_tags)
        .get(tag, check_tag)
        .put(tag, add_tag)
        .delete(tag, remove_tag)
}

pub(super) fn page(at: &At, listed: &Listed<Project>) -> Response {
    let views: Vec<_> = listed.items.iter().map(|p| views::project(at, p)).collect();
    let last = listed.items.last().filter(|_| listed.truncated).map(|p| p.id.as_str());
    collection(at, "projects", &views, last)
}

async fn list(State(id): State<Identity>, Cx(cx): Cx, at: At) -> ApiResult {
    let query = at.query(projects::FILTERS, id.config().list_limit)?;
    let list = |name: &str| -> Option<BTreeSet<String>> {
        at.params.get(name).map(|text| text.split(',').map(str::to_owned).collect())
    };
    let (all, any) = (list("tags"), list("tags-any"));
    let tags = Tags { all, any, not_all: list("not-tags"), not_any: list("not-tags-any") };
    Ok(page(&at, &projects::list(&id, &cx, &query, &tags)?))
}

async fn create(State(id): State<Identity>, Cx(cx): Cx, at: At, body: JsonBody) -> ApiResult {
    let project = projects::create(&id, &cx, read_new(body, &schemas::PROJECT_CREATE, "project")?).await?;
    Ok(created("project", views::project(&at, &project)))
}

async fn show(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(project): Path<String>) -> ApiResult {
    let project = projects::show(&id, &cx, &project)?;
    let asked = Relatives {
        parents_as_list: at.flag("parents_as_list"),
        parents_as_ids: at.flag("parents_as_ids"),
        subtree_as_list: at.flag("subtree_as_list"),
        subtree_as_ids: at.flag("subtree_as_ids"),
    };
    let family = projects::family(&id, &cx, &project, asked)?;
    Ok(member("project", with_family(&at, views::project(&at, &project), family)))
}

fn with_family<'a>(at: &At, mut view: ProjectView<'a>, family: Family) -> ProjectView<'a> {
    let kin = |kin: Kin| match kin {
        Kin::Ids(ids) => ids,
        Kin::List(list) => list.iter().map(|p| json!({"project": views::project(at, p)})).collect::<Value>(),
    };
    view.parents = family.parents.map(kin);
    view.subtree = family.subtree.map(kin);
    view
}

async fn update(
    State(id): State<Identity>,
    Cx(cx): Cx,
    at: At,
    Path(project): Path<String>,
    body: JsonBody,
) -> ApiResult {
    let project = projects::update(&id, &cx, &project, read(body, &schemas::PROJECT_UPDATE, "project")?).await?;
    Ok(member("project", views::project(&at, &project)))
}

async fn delete(State(id): State<Identity>, Cx(cx): Cx, Path(project): Path<String>) -> ApiResult {
    projects::delete(&id, &cx, &project).await?;
    Ok(no_content())
}

fn tags_view(at: &At, tags: &BTreeSet<String>) -> Response {
    ok(&json!({"links": {"self": at.this()}, "tags": tags}))
}

async fn list_tags(State(id): State<Identity>, Cx(cx): Cx, at: At, Path(project): Path<String>) -> ApiResult {
    Ok(tags_view(&at, &tags::list(&id, &cx, &project)?))
}

async fn replace_tags(
    State(id): State<Identity>,
    Cx(cx): Cx,
    at: At,
    Path(project): Path<String>,
    body: JsonBody,
) -> ApiResult {
    let new = read(body, &schemas::TAGS_REPLACE, "tags")?;
    Ok(tags_view(&at, &tags::replace(&id, &cx, &project, Some(new)).await?))
}

async fn delete_tags(State(id): State<Identity>, Cx(cx): Cx, Path(project): Path<String>) -> ApiResult {
    tags::replace(&id, &cx, &project, None).await?;
    Ok(no_content())
}

async fn check_tag(State(id): State<Identity>, Cx(cx): Cx, Path((project, tag)): Path<(String, String)>) -> ApiResult {
    tags::check(&id, &cx, &project, &tag)?;
    Ok(no_content())
}

async fn add_tag(
    State(id): State<Identity>,
    Cx(cx): Cx,
    at: At,
    Path((project, tag)): Path<(String, String)>,
) -> ApiResult {
    schemas::TAG.check_keystone(&json!(tag))?;
    tags::add(&id, &cx, &project, &tag).await?;
    let mut response = StatusCode::CREATED.into_response();
    if let Ok(location) = HeaderValue::from_str(&at.this()) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

async fn remove_tag(State(id): State<Identity>, Cx(cx): Cx, Path((project, tag)): Path<(String, String)>) -> ApiResult {
    tags::remove(&id, &cx, &project, &tag).await?;
    Ok(no_content())
}
