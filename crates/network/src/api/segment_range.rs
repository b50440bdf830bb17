//! `/v2.0/network-segment-ranges`

use super::{
    crud::{create, delete, update, verbs},
    kind::Kind,
    resource::{Fields, Look, View, list, show},
    spec::{Attr, Default, ID, NAME, STANDARD, Spec, TAGS},
    tags,
};
use crate::{
    Network as Service,
    error::NetError,
    model::{Resource, SegmentRange, segment_range::defaults},
    ops::access::Seen,
    ops::segment_range::{self, NewSegmentRange, SegmentRangeChanges},
};
use http::ApiRouter;
use serde_json::{Map, Value};
use std::{collections::BTreeSet, sync::Arc};

/// Nobody reads more free numbers than this.
const MOST_AVAILABLE: usize = 4096;

static SPEC: Spec = Spec {
    resource: "network_segment_range",
    collection: "network_segment_ranges",
    path: "/v2.0/network-segment-ranges",
    attrs: &[
        &[
            ID,
            NAME,
            Attr::shown("default").of(Kind::Bool),
            Attr::new("shared", Kind::Bool, Default::Bool(true)),
            Attr::new("network_type", Kind::OneOf(&["vlan", "vxlan", "gre", "geneve"]), Default::Required).filtered(),
            Attr::new("physical_network", Kind::TextOrNull(64), Default::Null).filtered(),
            Attr::new("minimum", Kind::NonNegative, Default::Required).mutable(),
            Attr::new("maximum", Kind::NonNegative, Default::Required).mutable(),
            Attr::shown("used"),
            Attr::shown("available"),
        ],
        STANDARD,
        TAGS,
    ],
};

impl Fields for SegmentRange {
    fn spec() -> &'static Spec {
        &SPEC
    }

    fn own(&self, name: &str, look: &Look<'_>) -> Value {
        match name {
            "name" => self.name.as_str().into(),
            "default" => self.is_default.into(),
            "shared" => self.shared.into(),
            "network_type" => self.kind.as_str().into(),
            "physical_network" => self.physical.as_deref().into(),
            "minimum" => self.minimum.into(),
            "maximum" => self.maximum.into(),
            "used" => used(self, look),
            "available" => available(self, look),
            _ => Value::Null,
        }
    }
}

/// `{"1100": project}`
fn used(range: &SegmentRange, look: &Look<'_>) -> Value {
    let used = segment_range::used(look.snapshot, range);
    used.into_iter()
        .map(|(number, project)| (number.to_string(), project.as_str().into()))
        .collect::<Map<_, _>>()
        .into()
}

fn available(range: &SegmentRange, look: &Look<'_>) -> Value {
    let used: BTreeSet<_> = segment_range::used(look.snapshot, range).into_iter().map(|(n, _)| n).collect();
    range.numbers().filter(|n| !used.contains(n)).take(MOST_AVAILABLE).collect::<Vec<_>>().into()
}

/// A range as lists have it: those that the configuration says too.
struct Listed(Arc<SegmentRange>);

impl View for Listed {
    fn spec() -> &'static Spec {
        &SPEC
    }
    fn key(&self) -> &str {
        &self.0.id
    }
    fn find(look: &Look<'_>, id: &str) -> Option<Arc<Self>> {
        let configured = || defaults(look.settings()).into_iter().find(|r| *r.id == *id).map(Arc::new);
        look.snapshot.get::<SegmentRange>(id).or_else(configured).map(|r| Arc::new(Self(r)))
    }
    fn not_found(id: &str) -> NetError {
        <SegmentRange as Resource>::not_found(id)
    }
    fn candidates(look: &Look<'_>) -> Vec<Arc<Self>> {
        let configured = defaults(look.settings()).into_iter().map(Arc::new);
        let mut all: Vec<_> =
            look.snapshot.all::<SegmentRange>().chain(configured).map(|r| Arc::new(Self(r))).collect();
        all.sort_by(|a, b| a.key().cmp(b.key()));
        all
    }
    fn is_seen(&self, look: &Look<'_>) -> bool {
        Seen::is_seen(&*self.0, look.cx, look.snapshot, look.reach)
    }
    fn field(&self, name: &str, look: &Look<'_>) -> Value {
        View::field(&*self.0, name, look)
    }
}

verbs!(SegmentRange, NewSegmentRange, SegmentRangeChanges, in segment_range);

pub fn routes() -> ApiRouter<Service> {
    ApiRouter::new()
        .get("/v2.0/network-segment-ranges", list::<Listed>)
        .post("/v2.0/network-segment-ranges", create::<SegmentRange>)
        .get("/v2.0/network-segment-ranges/{id}", show::<Listed>)
        .put("/v2.0/network-segment-ranges/{id}", update::<SegmentRange>)
        .delete("/v2.0/network-segment-ranges/{id}", delete::<SegmentRange>)
        .merge(tags::routes::<SegmentRange>(
            "/v2.0/network_segment_ranges/{id}/tags",
            "/v2.0/network_segment_ranges/{id}/tags/{tag}",
        ))
}
