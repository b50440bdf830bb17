//! `/v2/metadefs/*` and `/v2/schemas/metadefs/*`

mod associations;
mod bodies;
mod namespaces;
mod objects;
mod properties;
mod schemas;
mod tags;
mod views;

use crate::{ImageService, model::Namespace, ops::metadefs::parts::Part};
use http::{ApiResult, ApiRouter, Cx, Params, Path, Response};
use kernel::{Error, Page, Result};

pub(super) fn routes() -> ApiRouter<ImageService> {
    namespaces::routes()
        .merge(objects::routes())
        .merge(properties::routes())
        .merge(tags::routes())
        .merge(associations::routes())
        .get("/v2/schemas/metadefs/namespace", schema_namespace)
        .get("/v2/schemas/metadefs/namespaces", schema_namespaces)
        .get("/v2/schemas/metadefs/object", schema_object)
        .get("/v2/schemas/metadefs/objects", schema_objects)
        .get("/v2/schemas/metadefs/property", schema_property)
        .get("/v2/schemas/metadefs/properties", schema_properties)
        .get("/v2/schemas/metadefs/resource_type", schema_resource_type)
        .get("/v2/schemas/metadefs/resource_types", schema_resource_types)
        .get("/v2/schemas/metadefs/tag", schema_tag)
        .get("/v2/schemas/metadefs/tags", schema_tags)
}

macro_rules! schema_documents {
    ($($handler:ident $name:literal;)+) => {$(
        async fn $handler(Cx(_): Cx) -> ApiResult {
            let document = schemas::document($name).ok_or_else(|| Error::internal(concat!("no schema ", $name)))?;
            Ok(http::ok(&document))
        }
    )+};
}

schema_documents! {
    schema_namespace "namespace";
    schema_namespaces "namespaces";
    schema_object "object";
    schema_objects "objects";
    schema_property "property";
    schema_properties "properties";
    schema_resource_type "resource_type";
    schema_resource_types "resource_types";
    schema_tag "tag";
    schema_tags "tags";
}

/// A namespace of the path.
type Ns = Path<String>;
/// A namespace and the name of what is defined in it.
type Named = Path<(String, String)>;

/// Names of a namespace's parts of one sort in the order of Glance's lists, newest first, cut to the page asked for.
fn page_of<P: Part>(namespace: &Namespace, params: &Params) -> Result<Vec<(String, P)>> {
    let page: Page = params.page(usize::MAX)?;
    let mut all: Vec<(String, P)> = P::all(namespace).iter().map(|(n, p)| (n.clone(), p.clone())).collect();
    let (key, dir) = match page.sort.as_slice() {
        [] => ("created_at", kernel::paging::Direction::Desc),
        [(key, dir), ..] => (key.as_str(), *dir),
    };
    match key {
        "name" => {}
        "created_at" => all.sort_by_key(|(_, p)| p.clone().stamps().created_at),
        "updated_at" => all.sort_by_key(|(_, p)| p.clone().stamps().updated_at),
        other => return Err(Error::bad_request(format!("Invalid sort key: {other}"))),
    }
    if dir == kernel::paging::Direction::Desc {
        all.reverse();
    }
    let found = page.cut(all, |(name, _)| name);
    found.map(|paged| paged.items).ok_or_else(|| P::missing(page.marker.as_deref().unwrap_or_default()))
}

fn done(result: Result<()>) -> ApiResult<Response> {
    result?;
    Ok(http::no_content())
}
