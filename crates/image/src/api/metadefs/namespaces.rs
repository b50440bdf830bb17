//! `/v2/metadefs/namespaces`

use super::{bodies, done, views};
use crate::{
    ImageService,
    api::images::query,
    model::NamespaceVisibility,
    ops::metadefs::namespaces::{self as ops, Filter},
};
use http::axum::http::header::{HeaderValue, LOCATION};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Params, Path, State};
use kernel::{Error, Result};
use serde_json::{Value, json};

const PATH: &str = "/v2/metadefs/namespaces";

pub(super) fn routes() -> ApiRouter<ImageService> {
    ApiRouter::new()
        .get("/v2/metadefs/namespaces", index)
        .post("/v2/metadefs/namespaces", create)
        .get("/v2/metadefs/namespaces/{namespace}", show)
        .put("/v2/metadefs/namespaces/{namespace}", update)
        .delete("/v2/metadefs/namespaces/{namespace}", delete)
}

fn filter(params: &Params) -> Result<Filter> {
    let visibility = match params.get("visibility") {
        None => None,
        Some(text) => Some(
            NamespaceVisibility::parse(text)
                .ok_or_else(|| Error::bad_request(format!("Invalid visibility value: {text}")))?,
        ),
    };
    let resource_types = params.get("resource_types").map(|list| list.split(',').map(str::to_owned).collect());
    Ok(Filter { visibility, resource_types })
}

async fn index(State(service): State<ImageService>, Cx(cx): Cx, params: Params) -> ApiResult {
    let page = crate::api::images::page(&params)?;
    let found = ops::list_namespaces(&service, &cx, &filter(&params)?, &page)?;
    let one = |n: &std::sync::Arc<_>| views::namespace(n, ops::shows_associations(&cx, n));
    let mut out = json!({
        "namespaces": found.items.iter().map(one).collect::<Vec<Value>>(),
        "first": format!("{PATH}{}", query(&params, None)),
        "schema": "/v2/schemas/metadefs/namespaces",
    });
    if let Some(last) = found.items.last().filter(|_| found.more) {
        out["next"] = json!(format!("{PATH}{}", query(&params, Some(&last.name))));
    }
    Ok(http::ok(&out))
}

async fn create(State(service): State<ImageService>, Cx(cx): Cx, JsonBody(body): JsonBody) -> ApiResult {
    let namespace = ops::create_namespace(&service, &cx, bodies::namespace(&cx, &body)?).await?;
    let mut response = http::created(&views::whole(&namespace, None));
    if let Ok(location) = HeaderValue::from_str(&format!("{PATH}/{}", namespace.name)) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

async fn show(State(service): State<ImageService>, Cx(cx): Cx, Path(name): super::Ns, params: Params) -> ApiResult {
    let namespace = ops::show_namespace(&service, &cx, &name)?;
    Ok(http::ok(&views::whole(&namespace, params.get("resource_type"))))
}

async fn update(
    State(service): State<ImageService>,
    Cx(cx): Cx,
    Path(name): super::Ns,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let namespace = ops::update_namespace(&service, &cx, &name, bodies::attributes(&cx, &body)?).await?;
    Ok(http::ok(&views::namespace(&namespace, false)))
}

async fn delete(State(service): State<ImageService>, Cx(cx): Cx, Path(name): super::Ns) -> ApiResult {
    done(ops::delete_namespace(&service, &cx, &name).await)
}
