//! `/servers`: create, list, show, update, delete; what is done to them is in `actions`.

pub(super) mod actions;
pub(crate) mod schema;
pub(crate) mod view;

use super::{check_query, checked, path_of, self_href};
use crate::{
    Compute,
    ops::servers::{self, Page, Scope, Update, create::request::CreateBody},
};
use axum::response::Response;
use http::{
    ApiResult, ApiRouter, BaseUrl, Cx, JsonBody, Params, Path, State, StatusCode, header, json_response, no_content, ok,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use view::{Detail, Lens, ServerView, name_view};

pub(super) fn routes() -> ApiRouter<Compute> {
    ApiRouter::new()
        .get("/v2.1/servers", list)
        .get("/v2.1/servers/detail", detail)
        .post("/v2.1/servers", create)
        .get("/v2.1/servers/{server_id}", show)
        .put("/v2.1/servers/{server_id}", update)
        .delete("/v2.1/servers/{server_id}", delete)
        .merge(actions::routes())
}

/// `{"server": …}`
#[derive(Serialize)]
struct One<'s, 'a> {
    server: ServerView<'s, 'a>,
}

/// `{"servers": […], "servers_links": […]}`
#[derive(Serialize)]
struct Many<'s, 'a> {
    servers: Vec<ServerView<'s, 'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    servers_links: Option<Value>,
}

pub(super) async fn list(State(c): State<Compute>, Cx(cx): Cx, params: Params, base: BaseUrl) -> ApiResult {
    check_query(&cx, &params, schema::LIST)?;
    let page = servers::list(&c, &cx, &params, Scope::Names).await?;
    let mut body = json!({"servers": page.servers.iter().map(|s| name_view(&base, s)).collect::<Vec<_>>()});
    if let Some(next) = next(&page, &base, &params, "servers") {
        body["servers_links"] = next;
    }
    Ok(ok(&body))
}

pub(super) async fn detail(State(c): State<Compute>, Cx(cx): Cx, params: Params, base: BaseUrl) -> ApiResult {
    check_query(&cx, &params, schema::LIST)?;
    let page = servers::list(&c, &cx, &params, Scope::Details).await?;
    let project = cx.credentials.project().cloned().unwrap_or_default();
    let lens = Lens::new(&c, &cx, &base, &page.snapshot, Detail::List, &project);
    let servers = page.servers.iter().map(|l| lens.view(&l.server, l.terminated)).collect();
    Ok(ok(&Many { servers, servers_links: next(&page, &base, &params, "servers/detail") }))
}

fn next(page: &Page, base: &BaseUrl, params: &Params, path: &str) -> Option<Value> {
    let last = page.servers.last().filter(|_| page.full)?;
    let href = http::next_link(base, &path_of(path), params, &last.server.id);
    Some(json!([{"rel": "next", "href": href}]))
}

pub(super) async fn show(
    State(c): State<Compute>,
    Cx(cx): Cx,
    Path(id): Path<String>,
    params: Params,
    base: BaseUrl,
) -> ApiResult {
    check_query(&cx, &params, schema::SHOW)?;
    let (server, snapshot) = servers::show(&c, &cx, &id).await?;
    let lens = Lens::new(&c, &cx, &base, &snapshot, Detail::Show, &server.project);
    Ok(ok(&One { server: lens.view(&server, None) }))
}

pub(super) async fn create(State(c): State<Compute>, Cx(cx): Cx, base: BaseUrl, body: JsonBody) -> ApiResult {
    let body: CreateBody = checked(&cx, body, schema::CREATE)?;
    let created = servers::create::create(&c, &cx, body).await?;
    if created.wants_reservation {
        return Ok(json_response(StatusCode::ACCEPTED, &json!({"reservation_id": created.reservation})));
    }
    let (id, groups) = (&created.first.id, &created.security_groups);
    let view = json!({"server": {
        "id": id,
        "links": super::links(&base, "servers", id),
        "OS-DCF:diskConfig": created.first.disk_config,
        "security_groups": groups.iter().map(|name| json!({"name": name})).collect::<Vec<_>>(),
        "adminPass": created.admin_pass,
    }});
    Ok(at(json_response(StatusCode::ACCEPTED, &view), &self_href(&base, "servers", id)))
}

/// The answer with `Location`.
fn at(mut response: Response, location: &str) -> Response {
    if let Ok(value) = location.parse() {
        response.headers_mut().insert(header::LOCATION, value);
    }
    response
}

#[derive(Deserialize)]
struct UpdateBody {
    server: Update,
}

pub(super) async fn update(
    State(c): State<Compute>,
    Cx(cx): Cx,
    Path(id): Path<String>,
    base: BaseUrl,
    body: JsonBody,
) -> ApiResult {
    let body: UpdateBody = checked(&cx, body, schema::UPDATE)?;
    let (server, snapshot) = servers::update(&c, &cx, &id, body.server).await?;
    let lens = Lens::new(&c, &cx, &base, &snapshot, Detail::Update, &server.project);
    Ok(ok(&One { server: lens.view(&server, None) }))
}

pub(super) async fn delete(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    servers::delete(&c, &cx, &id).await?;
    Ok(no_content())
}
