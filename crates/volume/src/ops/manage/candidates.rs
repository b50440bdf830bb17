//! What lies on a back end: what could be taken over, and what the service has already, which cannot.

use super::pool;
use crate::{
    VolumeService,
    driver::Candidate,
    flows::QUICK,
    model::{Snapshot, Volume, VolumePool, VolumeStatus},
    ops::listing::{Field, Listed, Query, Row},
    policy,
    service::authorize_own,
};
use kernel::{Ctx, Error, Result, error::Doing};
use serde_json::json;
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Manageable {
    pub(crate) reference: String,
    pub(crate) size_gib: u64,
    /// Whose it is, if it is the service's already.
    pub(crate) known: Option<String>,
    /// The volume that a snapshot is of, by its name on the back end.
    pub(crate) of: Option<String>,
}

impl Row for Manageable {
    const FILTERS: &'static [&'static str] = &["host", "cluster"];
    const SORTS: &'static [&'static str] = &["reference", "size"];
    fn id(&self) -> &str {
        &self.reference
    }
    fn field(&self, name: &str) -> Option<Field> {
        Some(match name {
            "reference" | "id" => Field::text(&self.reference),
            "size" => Field::number(self.size_gib),
            _ => return None,
        })
    }
}

async fn on(service: &VolumeService, query: &Query<'_>) -> Result<(Arc<VolumePool>, Vec<Candidate>)> {
    let missing = || Error::bad_request("Invalid input received: One and only one of cluster and host must be set.");
    let view = service.view();
    let pool = pool(&view, query.get("host").filter(|h| !h.is_empty()).ok_or_else(missing)?)?;
    let found = service.on_host(&pool.host, "volume.candidates", json!({"backend": pool.backend}), QUICK).await?;
    Ok((pool, serde_json::from_value(found).doing("reading what lies on a back end")?))
}

pub(crate) async fn volumes(service: &VolumeService, cx: &Ctx, query: &Query<'_>) -> Result<Listed<Manageable>> {
    let _read = authorize_own(cx, &policy::MANAGEABLE_LIST)?;
    let (pool, candidates) = on(service, query).await?;
    let lies = |c: Candidate| Manageable { reference: c.reference, size_gib: c.size_gib, known: None, of: None };
    let has = |v: Arc<Volume>| Manageable {
        reference: format!("volume-{}", v.id),
        size_gib: v.size_gib,
        known: Some(v.id.to_string()),
        of: None,
    };
    let view = service.view();
    // One that is just being let go lies there already.
    let kept = |v: &Arc<Volume>| v.status != VolumeStatus::Unmanaging;
    let known = view.by(Volume::BY_POOL, &pool.name).filter(kept).map(has);
    let all = candidates.into_iter().filter(|c| c.of.is_none()).map(lies).chain(known);
    query.run(cx, all.map(Arc::new).collect())
}

pub(crate) async fn snapshots(service: &VolumeService, cx: &Ctx, query: &Query<'_>) -> Result<Listed<Manageable>> {
    let _read = authorize_own(cx, &policy::SNAPSHOT_MANAGEABLE_LIST)?;
    let (pool, candidates) = on(service, query).await?;
    let lies = |c: Candidate| {
        let of = c.of.map(|v| format!("volume-{v}"))?;
        Some(Manageable { reference: c.reference, size_gib: c.size_gib, known: None, of: Some(of) })
    };
    let has = |s: Arc<Snapshot>| Manageable {
        reference: format!("_snapshot-{}", s.id),
        size_gib: s.size_gib,
        known: Some(s.id.to_string()),
        of: Some(format!("volume-{}", s.volume)),
    };
    let view = service.view();
    let volumes: Vec<_> = view.by(Volume::BY_POOL, &pool.name).collect();
    let known = volumes.iter().flat_map(|v| view.by(Snapshot::BY_VOLUME, &v.id)).map(has);
    let all = candidates.into_iter().filter_map(lies).chain(known);
    query.run(cx, all.map(Arc::new).collect())
}
