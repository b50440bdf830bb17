//! `/v2.0/segments`

use super::{
    body,
    kind::Kind,
    query::Query,
    resource::{Look, View, list, one, show},
    spec::{Attr, Default, ID, Spec},
};
use crate::{
    Network as Service,
    error::NetError,
    model::Network,
    ops::segment::{self, NewSegment, Placed, SegmentChanges},
    policy::segment as rules,
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Path, State};
use policy::Authorize;
use serde_json::Value;
use std::sync::Arc;

static SPEC: Spec = Spec {
    resource: "segment",
    collection: "segments",
    path: "/v2.0/segments",
    attrs: &[&[
        ID,
        Attr::new("network_id", Kind::Uuid, Default::Required).sorted(),
        Attr::new("physical_network", Kind::TextOrNull(64), Default::Unset).sorted(),
        Attr::new("network_type", Kind::Text(32), Default::Required).sorted(),
        Attr::new("segmentation_id", Kind::NonNegative, Default::Unset).sorted(),
        Attr::new("name", Kind::TextOrNull(255), Default::Unset).mutable().sorted(),
        Attr::new("description", Kind::TextOrNull(255), Default::Unset).mutable().filtered(),
        Attr::shown("created_at"),
        Attr::shown("updated_at"),
        Attr::shown("revision_number").of(Kind::Int).filtered(),
        Attr::shown("changed_since").hidden().filtered(),
    ]],
};

impl View for Placed {
    fn spec() -> &'static Spec {
        &SPEC
    }
    fn key(&self) -> &str {
        &self.id
    }
    fn find(look: &Look<'_>, id: &str) -> Option<Arc<Self>> {
        segment::find(look.snapshot, id).map(Arc::new)
    }
    fn not_found(id: &str) -> NetError {
        NetError::SegmentNotFound { id: id.to_owned() }
    }
    fn candidates(look: &Look<'_>) -> Vec<Arc<Self>> {
        let networks: Vec<_> = look.snapshot.all::<Network>().collect();
        let mut all: Vec<_> = networks.iter().flat_map(segment::of).map(Arc::new).collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }
    fn narrowed(look: &Look<'_>, query: &Query) -> Option<Vec<Arc<Self>>> {
        let networks: Vec<_> =
            query.exact("network_id")?.iter().filter_map(|id| look.snapshot.get::<Network>(id)).collect();
        Some(networks.iter().flat_map(segment::of).map(Arc::new).collect())
    }
    fn is_seen(&self, look: &Look<'_>) -> bool {
        look.cx.allows(&rules::GET, &())
    }
    fn field(&self, name: &str, _: &Look<'_>) -> Value {
        let (segment, standard) = (&self.segment, &self.segment.standard);
        match name {
            "id" => self.id.as_str().into(),
            "network_id" => self.network.id.as_str().into(),
            "physical_network" => segment.physical.as_deref().into(),
            "network_type" => segment.kind.as_str().into(),
            "segmentation_id" => segment.number.into(),
            "name" => segment.name.as_deref().into(),
            "description" => standard.description.as_str().into(),
            "created_at" => standard.created.iso_z().into(),
            "updated_at" => standard.updated.iso_z().into(),
            "revision_number" => standard.revision.into(),
            _ => Value::Null,
        }
    }
}

pub fn routes() -> ApiRouter<Service> {
    ApiRouter::new()
        .get("/v2.0/segments", list::<Placed>)
        .post("/v2.0/segments", create)
        .get("/v2.0/segments/{id}", show::<Placed>)
        .put("/v2.0/segments/{id}", update)
        .delete("/v2.0/segments/{id}", delete)
}

async fn create(State(net): State<Service>, Cx(cx): Cx, JsonBody(body): JsonBody) -> ApiResult {
    let new = body::single::<NewSegment>(&SPEC, &cx, body)?;
    let made = segment::create(&net, &cx, new).await?;
    Ok(http::created(&one(&net, &cx, &made, &[])))
}

async fn update(State(net): State<Service>, Cx(cx): Cx, Path(id): Path<String>, JsonBody(body): JsonBody) -> ApiResult {
    let (_, changes) = body::update::<SegmentChanges>(&SPEC, &cx, body)?;
    let changed = segment::update(&net, &cx, &id, changes).await?;
    Ok(http::ok(&one(&net, &cx, &changed, &[])))
}

async fn delete(State(net): State<Service>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    segment::delete(&net, &cx, &id).await?;
    Ok(http::no_content())
}
