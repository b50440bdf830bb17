//! What other services may know of limits.

use crate::model::{
    Service,
    limit::{self, Holder, ON, RegisteredLimit},
};
use kernel::ProjectId;
use ports::limits::Limits;
use store::Snapshot;

/// Holds nothing: everything is in the snapshot.
#[derive(Clone, Copy, Debug, Default)]
pub struct KnownLimits;

impl Limits for KnownLimits {
    /// The project's own limit, else the default. Where several services of the type register the resource, the least holds.
    fn limit(&self, snapshot: &Snapshot, project: &ProjectId, service_type: &str, resource: &str) -> Option<i64> {
        let services = snapshot.all::<Service>().filter(|s| s.kind == service_type);
        let registered = services.flat_map(|s| snapshot.by(ON, &s.id).collect::<Vec<_>>());
        let holder = Holder::Project(project.clone());
        let value = |r: &RegisteredLimit| limit::of(snapshot, &holder, &r.resource).map_or(r.default, |own| own.value);
        registered.filter(|r| r.resource.name == resource).map(|r| value(&r)).min_by_key(|v| limit::amount(*v))
    }
}
