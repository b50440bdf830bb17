//! `/flavors`, their access lists and extra specs.

mod access;
mod schema;
mod specs;

use super::{check_query, checked, links, path_of, since, with_next};
use crate::{
    Compute,
    model::Flavor,
    ops::flavors::{self, NewFlavor},
    policy::SPECS_INDEX,
};
use http::{ApiResult, ApiRouter, BaseUrl, Cx, JsonBody, Params, Path, State, StatusCode, json_response, ok};
use kernel::Ctx;
use policy::{Authorize, target};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<Compute> {
    ApiRouter::new()
        .get("/v2.1/flavors", list)
        .get("/v2.1/flavors/detail", detail)
        .post("/v2.1/flavors", create)
        .get("/v2.1/flavors/{flavor_id}", show)
        .put("/v2.1/flavors/{flavor_id}", update)
        .delete("/v2.1/flavors/{flavor_id}", delete)
        .merge(access::routes())
        .merge(specs::routes())
}

fn name_view(cx: &Ctx, base: &BaseUrl, f: &Flavor) -> Value {
    let mut view = json!({"id": f.id, "name": f.name, "links": links(base, "flavors", &f.id)});
    if cx.version.since(2, 55) {
        view["description"] = json!(f.description);
    }
    view
}

fn view(cx: &Ctx, base: &BaseUrl, f: &Flavor, specs: bool) -> Value {
    let (v, mut view) = (cx.version, name_view(cx, base, f));
    view["ram"] = f.ram_mib.into();
    view["disk"] = f.disk_gib.into();
    view["vcpus"] = f.vcpus.into();
    view["OS-FLV-EXT-DATA:ephemeral"] = f.ephemeral_gib.into();
    view["os-flavor-access:is_public"] = f.public.into();
    // An empty string stands for no swap until 2.75.
    view["swap"] = if f.swap_mib > 0 || v.since(2, 75) { f.swap_mib.into() } else { "".into() };
    if !v.since(2, 102) {
        view["OS-FLV-DISABLED:disabled"] = f.disabled.into();
        view["rxtx_factor"] = f.rxtx_factor.into();
    }
    if specs {
        view["extra_specs"] = json!(f.extra_specs);
    }
    view
}

/// Whether the caller sees extra specs, which are part of flavors from 2.61 on.
fn shows_specs(cx: &Ctx) -> bool {
    let project = cx.credentials.project().cloned().unwrap_or_default();
    cx.version.since(2, 61) && cx.allows(&SPECS_INDEX, &target! { "project_id" => project })
}

async fn list(State(c): State<Compute>, Cx(cx): Cx, params: Params, base: BaseUrl) -> ApiResult {
    check_query(&cx, &params, schema::LIST)?;
    let (found, full) = flavors::list(&c, &cx, &params).await?;
    let mut body = json!({"flavors": found.iter().map(|f| name_view(&cx, &base, f)).collect::<Vec<_>>()});
    let last = found.last().filter(|_| full).map(|f| f.id.as_str());
    with_next(&mut body, "flavors_links", &base, &path_of("flavors"), &params, last);
    Ok(ok(&body))
}

async fn detail(State(c): State<Compute>, Cx(cx): Cx, params: Params, base: BaseUrl) -> ApiResult {
    check_query(&cx, &params, schema::LIST)?;
    let (found, full) = flavors::list(&c, &cx, &params).await?;
    let specs = shows_specs(&cx);
    let mut body = json!({"flavors": found.iter().map(|f| view(&cx, &base, f, specs)).collect::<Vec<_>>()});
    let last = found.last().filter(|_| full).map(|f| f.id.as_str());
    with_next(&mut body, "flavors_links", &base, &path_of("flavors/detail"), &params, last);
    Ok(ok(&body))
}

async fn show(
    State(c): State<Compute>,
    Cx(cx): Cx,
    Path(id): Path<String>,
    params: Params,
    base: BaseUrl,
) -> ApiResult {
    check_query(&cx, &params, schema::SHOW)?;
    let found = flavors::show(&c, &cx, &id).await?;
    Ok(ok(&json!({"flavor": view(&cx, &base, &found, shows_specs(&cx))})))
}

#[derive(Deserialize)]
struct CreateBody {
    flavor: NewFlavor,
}

async fn create(State(c): State<Compute>, Cx(cx): Cx, base: BaseUrl, body: JsonBody) -> ApiResult {
    let CreateBody { flavor } = checked(&cx, body, schema::CREATE)?;
    let created = flavors::create(&c, &cx, flavor).await?;
    Ok(ok(&json!({"flavor": view(&cx, &base, &created, shows_specs(&cx))})))
}

async fn update(
    State(c): State<Compute>,
    Cx(cx): Cx,
    Path(id): Path<String>,
    base: BaseUrl,
    body: JsonBody,
) -> ApiResult {
    since(&cx, 55)?;
    let body: Value = checked(&cx, body, schema::UPDATE)?;
    let description = body["flavor"]["description"].as_str().map(str::to_owned);
    let updated = flavors::update(&c, &cx, &id, description).await?;
    Ok(ok(&json!({"flavor": view(&cx, &base, &updated, shows_specs(&cx))})))
}

async fn delete(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    flavors::delete(&c, &cx, &id).await?;
    Ok(json_response(StatusCode::ACCEPTED, &Value::Null).map(|_| axum::body::Body::empty()))
}
